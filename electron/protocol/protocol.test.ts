import { describe, expect, it } from 'vitest';
import schemaFile from '../../resources/protocols/fundus.json' with { type: 'json' };
import { clearGroup, clearValue, isAbnormal, setGroupNormal, setValue } from './edit.ts';
import { createProtocol, readProtocol, valueOf } from './protocol.ts';
import { readProtocolSchema, requireField } from './schema.ts';

const schema = readProtocolSchema(schemaFile);
const empty = createProtocol(schema, { image: 'a'.repeat(64) });

function fileWith(values: Record<string, unknown>, more: Record<string, unknown> = {}): unknown {
  const entries = Object.entries(values).map(([id, value]) => [
    id,
    { value, source: 'manual', certainty: null },
  ]);
  return { ...empty, values: Object.fromEntries(entries) as unknown, ...more };
}

describe('readProtocolSchema', () => {
  it('refuses a schema with a value that cannot be said, and a reference that leads nowhere', () => {
    const broken = structuredClone(schemaFile);
    broken.valueSets.size.values.push({ code: 'huge', title: { en: 'huge', ru: 'огромный' } });
    broken.unassessedBefore = 'summary';
    expect(() => readProtocolSchema(broken)).toThrow(
      /disc\.size cannot say huge in "en".*disc\.size cannot say huge in "ru".*no group summary/s,
    );
  });

  it('names a source for every code', () => {
    const used = [...JSON.stringify(schemaFile).matchAll(/"system":"([a-z0-9-]+)"/g)].map(
      (match) => match[1]!,
    );
    expect(used.length).toBeGreaterThan(5);
    for (const system of used) expect(schema.codeSystems[system]?.source).toBeTruthy();
  });
});

describe('readProtocol', () => {
  it('gives back what was written', () => {
    const protocol = setValue(schema, empty, 'disc.cup-disc-ratio', 0.4, {
      source: 'measured',
      certainty: 0.9,
    });
    expect(readProtocol(schema, JSON.parse(JSON.stringify(protocol)))).toEqual(protocol);
  });

  it('refuses a protocol of a newer schema before it looks at anything else', () => {
    const newer = fileWith({ 'disc.glow': 'green' }, { schemaVersion: schema.version + 1, values: 3 });
    expect(() => readProtocol(schema, newer)).toThrow(/schema "fundus" up to version 1.*version 2.*Update/s);
  });

  it('names every problem at once', () => {
    const bad = fileWith({
      'disc.glow': 'green',
      'disc.colour': 'violet',
      'disc.cup-disc-ratio': 1.2,
      'disc.area-percent': 1.23456,
      'conclusion.icd10': 'диабет',
      'disc.border-sector': 'nasal',
    });
    expect(() => readProtocol(schema, bad)).toThrow(
      /disc\.glow: a field of.*disc\.colour: one of pink.*disc\.cup-disc-ratio: a number from 0 to 1.*at most 2 decimals.*H36\.0.*disc\.border is blurred/s,
    );
    expect(() => readProtocol(schema, fileWith({ 'disc.cup-disc-ratio': Number.NaN }))).toThrow();
    expect(() => readProtocol(schema, { hello: 1 })).toThrow(/not a description protocol/);
  });
});

describe('editing', () => {
  it('enters "everything normal" without touching what was entered, and invents no number', () => {
    const edited = setGroupNormal(schema, setValue(schema, empty, 'disc.colour', 'pale'), 'disc');
    expect(valueOf(edited, 'disc.colour')).toBe('pale');
    expect(valueOf(edited, 'disc.border')).toBe('sharp');
    expect(valueOf(edited, 'disc.cup-location')).toBe('central');
    expect(valueOf(edited, 'disc.cup-disc-ratio')).toBeNull();
    expect(valueOf(edited, 'disc.area')).toBeNull();
    expect(valueOf(clearGroup(schema, edited, 'disc'), 'disc.border')).toBeNull();
  });

  it('never enters anything but normal values', () => {
    for (const { id } of schema.groups) {
      for (const [field, { value }] of Object.entries(setGroupNormal(schema, empty, id).values)) {
        expect(isAbnormal(requireField(schema, field), value)).toBe(false);
      }
    }
  });

  it('takes the details away with what they belong to', () => {
    const few = setValue(schema, empty, 'lesions.hard-exudates', 'few');
    const detailed = setValue(schema, few, 'lesions.hard-exudates-area', 0.4);
    expect(
      valueOf(setValue(schema, detailed, 'lesions.hard-exudates', 'many'), 'lesions.hard-exudates-area'),
    ).toBe(0.4);
    expect(setValue(schema, detailed, 'lesions.hard-exudates', 'none').values).not.toHaveProperty(
      'lesions.hard-exudates-area',
    );
    expect(clearValue(schema, detailed, 'lesions.hard-exudates').values).toEqual({});
    expect(() => setValue(schema, empty, 'lesions.hard-exudates-area', 0.4)).toThrow(
      /few or many or present.*not assessed/s,
    );
  });

  it('keeps apart what is not assessed and what is normal', () => {
    const abstained = setValue(schema, empty, 'macula.drusen', null, { source: 'decoder', certainty: 0.4 });
    expect(abstained.values['macula.drusen']).toEqual({ value: null, source: 'decoder', certainty: 0.4 });
    expect(isAbnormal(requireField(schema, 'macula.drusen'), null)).toBeNull();
    expect(isAbnormal(requireField(schema, 'disc.cup-disc-ratio'), 0.7)).toBe(true);
    expect(isAbnormal(requireField(schema, 'disc.area'), 100)).toBeNull();
    expect(() => setValue(schema, empty, 'macula.drusen', 'normal')).toThrow(
      /one of none, small, medium, large/,
    );
  });
});
