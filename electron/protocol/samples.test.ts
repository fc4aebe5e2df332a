import path from 'node:path';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import schemaFile from '../../resources/protocols/fundus.json' with { type: 'json' };
import { seededRandom } from '../decoder/linear/random.ts';
import { parseProtocolText } from './parse.ts';
import type { Protocol, ProtocolEntry } from './protocol.ts';
import { realiseProtocol } from './realise.ts';
import type { ProtocolField, ProtocolLanguage } from './schema-format.ts';
import { isNumeric, readProtocolSchema } from './schema.ts';
import { arbitraryProtocol } from './testing/arbitrary-protocol.ts';

const schema = readProtocolSchema(schemaFile);
const note = path.resolve(import.meta.dirname, '../../docs/protocol-samples.md');
const random = seededRandom(14);

/** Numbers as they are met in a photograph of 1,000 pixels; by the end of a field's id. */
const usual: readonly (readonly [RegExp, number, number])[] = [
  [/cup-disc-ratio$/, 0.1, 0.9],
  [/rim-width-/, 0.05, 0.4],
  [/circumference$/, 320, 680],
  [/circumference-percent$/, 9, 15],
  [/disc\.area$/, 8000, 34_000],
  [/disc\.area-percent$/, 1.2, 3.5],
  [/circumference-mm$/, 4.6, 6.4],
  [/area-mm$/, 1.6, 3.2],
  [/^lesions\..*-area$/, 0.01, 2],
  [/-distance$/, 0.2, 5],
];

function usualEntry(field: ProtocolField, entry: ProtocolEntry): ProtocolEntry {
  if (field.kind === 'code') return { ...entry, value: ['H36.0, E11.3', 'H35.3', 'H40.0'][random.below(3)]! };
  if (!isNumeric(field)) return entry;
  const written = Object.values(field.written ?? {});
  if (written.length > 0) return { ...entry, value: written[random.below(written.length)]! };
  const [, min, max] = usual.find(([id]) => id.test(field.id))!;
  return { ...entry, value: Number((min + random.next() * (max - min)).toFixed(field.decimals)) };
}

it('30 protocols in each language stand in the note as they are written now', async () => {
  const protocols = fc.sample(arbitraryProtocol(schema, { text: false }), { numRuns: 30, seed: 14 });
  const texts: Record<ProtocolLanguage, string[]> = { en: [], ru: [] };
  for (const { values } of protocols) {
    const protocol: Pick<Protocol, 'values'> = {
      values: Object.fromEntries(
        Object.entries(values).map(([id, entry]) => [id, usualEntry(schema.fields.get(id)!, entry)]),
      ),
    };
    const assessed = Object.fromEntries(
      Object.entries(protocol.values).flatMap(([id, { value }]) => (value === null ? [] : [[id, value]])),
    );
    for (const language of ['en', 'ru'] as const) {
      const text = realiseProtocol(schema, protocol, language);
      expect(parseProtocolText(schema, text, language)).toEqual({ values: assessed, problems: [] });
      texts[language].push(text);
    }
  }
  const list = (language: ProtocolLanguage) =>
    texts[language].map((text, at) => `${at + 1}. ${text}`).join('\n');
  await expect(`# Texts of random protocols

Thirty protocols at random, each in both languages: which values meet in one protocol is chance, and so they contradict each other as no
photograph does; numbers are of the size that they have in a photograph. Text → fields → text is the identity for each of them, and for the 1,000 of
\`electron/protocol/realise.test.ts\`. They were read for agreement (gender, case, number) and for what an ophthalmologist would write.
\`electron/protocol/samples.test.ts\` holds this note to what the software writes; \`npx vitest run electron/protocol/samples.test.ts -u\` writes it anew.

## English

${list('en')}

## Русский

${list('ru')}
`).toMatchFileSnapshot(note);
});
