import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import schemaFile from '../../resources/protocols/fundus.json' with { type: 'json' };
import { arbitraryProtocol } from './testing/arbitrary-protocol.ts';
import { clearValue, setGroupNormal, setValue } from './edit.ts';
import { parseProtocolText } from './parse.ts';
import { createProtocol, findProblems, type Protocol } from './protocol.ts';
import { realiseProtocol } from './realise.ts';
import { protocolLanguages, type ProtocolLanguage } from './schema-format.ts';
import { readProtocolSchema } from './schema.ts';

const schema = readProtocolSchema(schemaFile);

function assessed(protocol: Protocol): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(protocol.values).flatMap(([id, { value }]) => (value === null ? [] : [[id, value]])),
  );
}

function withValues(values: Readonly<Record<string, string | number>>): Protocol {
  return Object.entries(values).reduce(
    (protocol, [id, value]) => setValue(schema, protocol, id, value),
    createProtocol(schema),
  );
}

/** The values as they are, without the checks of editing. */
function toProtocol(values: Readonly<Record<string, string | number>>): Pick<Protocol, 'values'> {
  const entries = Object.entries(values).map(
    ([id, value]) => [id, { value, source: 'manual', certainty: null }] as const,
  );
  return { values: Object.fromEntries(entries) };
}

/** Thousands of texts on a machine that is busy with other things. */
const patience = { timeout: 240_000 };

describe.each(protocolLanguages)('text in "%s"', (language: ProtocolLanguage) => {
  it('gives the fields back, and the fields give the text back, for 1,000 random protocols', patience, () => {
    fc.assert(
      fc.property(arbitraryProtocol(schema), (protocol) => {
        expect(findProblems(schema, protocol)).toEqual([]);
        const text = realiseProtocol(schema, protocol, language);
        const parsed = parseProtocolText(schema, text, language);
        expect(parsed.problems).toEqual([]);
        expect(parsed.values).toEqual(assessed(protocol));
        expect(realiseProtocol(schema, toProtocol(parsed.values), language)).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads a text whose capitals, white space and "ё" were changed', patience, () => {
    fc.assert(
      fc.property(arbitraryProtocol(schema, { text: false }), (protocol) => {
        const text = realiseProtocol(schema, protocol, language).replaceAll(' ', '\n ').replaceAll('ё', 'е');
        const shouted = text.replace(/^./gmu, (letter) => letter.toUpperCase());
        expect(parseProtocolText(schema, shouted, language)).toEqual({
          values: assessed(protocol),
          problems: [],
        });
      }),
      { numRuns: 200 },
    );
  });
});

describe('realiseProtocol', () => {
  it('says that nothing was assessed, without calling anything normal', () => {
    const empty = createProtocol(schema);
    expect(realiseProtocol(schema, empty, 'en')).toBe(
      'Image parameters, optic disc, arteries, veins, vascular changes, macula, lesions and periphery not assessed. Conclusion not given.',
    );
    expect(realiseProtocol(schema, empty, 'ru')).toMatch(
      /^Параметры снимка, ДЗН, .* и периферия не оценивались\. Заключение не дано\.$/,
    );
  });

  it('agrees in gender and number', () => {
    const open = (fields: Record<string, string | number>) =>
      realiseProtocol(schema, withValues(fields), 'ru');
    expect(open({ 'macula.macular-reflex': 'present' })).toContain('макулярный рефлекс сохранён;');
    expect(open({ 'macula.macular-reflex': 'present', 'macula.foveal-reflex': 'present' })).toContain(
      'макулярный и фовеальный рефлексы сохранены',
    );
    const noMacula = schema.groups.reduce(
      (protocol, { id }) => (id === 'macula' ? protocol : setGroupNormal(schema, protocol, id)),
      withValues({ 'header.eye': 'OD' }),
    );
    expect(realiseProtocol(schema, noMacula, 'ru')).toContain('Макула не оценивалась.');
    const noCourse = setGroupNormal(schema, withValues({ 'disc.colour': 'pink' }), 'arteries');
    const cleared = clearValue(schema, noCourse, 'arteries.course');
    expect(realiseProtocol(schema, cleared, 'ru')).toContain('ход не оценивался.');
  });

  it('joins arteries and veins only when all their values are equal', () => {
    const arteries = setGroupNormal(schema, createProtocol(schema), 'arteries');
    const both = setGroupNormal(schema, arteries, 'veins');
    expect(realiseProtocol(schema, both, 'ru')).toContain('Артерии и вены обычного хода, не извиты');
    expect(realiseProtocol(schema, setValue(schema, both, 'veins.calibre', 'dilated'), 'ru')).toMatch(
      /Артерии обычного хода.*Вены обычного хода, не извиты, расширены/,
    );
    expect(realiseProtocol(schema, arteries, 'en')).toMatch(
      /Arteries of regular course.*veins,.*not assessed/,
    );
  });
});

describe('parseProtocolText', () => {
  it('reports what it cannot read and keeps the rest', () => {
    const { values, problems } = parseProtocolText(
      schema,
      'ДЗН бледный, сиреневый в крапинку, границы чёткие. Совсем другое. Макула: друз нет.',
      'ru',
    );
    expect(values).toEqual({ 'disc.colour': 'pale', 'disc.border': 'sharp', 'macula.drusen': 'none' });
    expect(problems.map(({ found }) => found)).toEqual(['сиреневый в крапинку', 'Совсем другое']);
  });

  it('reports a contradiction and keeps what was said first', () => {
    const { values, problems } = parseProtocolText(schema, 'Optic disc pale, pink.', 'en');
    expect(values).toEqual({ 'disc.colour': 'pale' });
    expect(problems).toHaveLength(1);
  });

  it.each(['“a” and "b"', 'a "quoted" word', '”', '""”', 'rest not assessed. Macula: no drusen.', ' a\nb '])(
    'keeps the free text %j as it is',
    (text) => {
      const protocol = withValues({ 'conclusion.text': text, 'macula.pathology': text });
      for (const language of protocolLanguages) {
        const said = realiseProtocol(schema, protocol, language);
        expect(parseProtocolText(schema, said, language).values).toEqual(assessed(protocol));
      }
    },
  );
});
