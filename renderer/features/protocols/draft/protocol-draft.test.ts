import { expect, test } from 'vitest';
import schemaFile from '../../../../resources/protocols/fundus.json' with { type: 'json' };
import { readProtocolSchema, requireField } from '../../../../electron/protocol/schema.ts';
import { valueOf } from '../../../../electron/protocol/protocol.ts';
import { readTyped, showValue } from '../form/field-input.ts';
import { blankProtocol, ProtocolDraft } from './protocol-draft.ts';

const schema = readProtocolSchema(schemaFile);
const image = { sha256: 'a'.repeat(64), laterality: 'L' } as const;

test('a new protocol knows the eye of the library and nothing else', () => {
  const blank = blankProtocol(schema, image, 'A');
  expect(blank.values).toEqual({ 'header.eye': { value: 'OS', source: 'imported', certainty: null } });
  expect(blankProtocol(schema, { ...image, laterality: 'unknown' }, '').values).toEqual({});
});

test('edits are taken back and made again, and what was saved is not dirty', () => {
  const draft = new ProtocolDraft(schema, blankProtocol(schema, image, 'A'));
  expect([draft.isDirty.value, draft.canUndo.value]).toEqual([false, false]);
  draft.set('disc.colour', 'pale');
  draft.setNormal('disc');
  expect(valueOf(draft.protocol, 'disc.colour')).toBe('pale');
  expect(valueOf(draft.protocol, 'disc.border')).toBe('sharp');
  draft.undo();
  expect(valueOf(draft.protocol, 'disc.border')).toBeNull();
  draft.redo();
  expect(valueOf(draft.protocol, 'disc.border')).toBe('sharp');
  draft.markSaved(draft.protocol);
  expect(draft.isDirty.value).toBe(false);
  draft.clear('disc');
  expect([draft.isDirty.value, valueOf(draft.protocol, 'disc.colour')]).toEqual([true, null]);
  draft.undo();
  draft.rename('B');
  expect([draft.isDirty.value, draft.protocol.observer]).toEqual([false, 'B']);
});

test('a decoded protocol is taken over with its sources, and what was entered by hand stays', () => {
  const decoded = new ProtocolDraft(schema, blankProtocol(schema, image, ''));
  decoded.set('lesions.hard-exudates', 'few');
  decoded.set('lesions.hard-exudates-area', 2);
  decoded.set('disc.colour', 'pink');
  const values = Object.fromEntries(
    Object.entries(decoded.protocol.values).map(([id, { value }]) => [
      id,
      { value, source: 'decoder' as const, certainty: 0.9 },
    ]),
  );
  const draft = new ProtocolDraft(schema, blankProtocol(schema, image, 'A'));
  draft.set('disc.colour', 'pale');
  draft.adopt({
    values: { ...values, 'macula.drusen': { value: null, source: 'decoder', certainty: null } },
  });
  expect(draft.protocol.values).toMatchObject({
    'header.eye': { value: 'OS', source: 'imported' },
    'disc.colour': { value: 'pale', source: 'manual', certainty: null },
    'lesions.hard-exudates': { value: 'few', source: 'decoder', certainty: 0.9 },
    'lesions.hard-exudates-area': { value: 2, source: 'decoder' },
  });
  expect(draft.protocol.values).not.toHaveProperty(['macula.drusen']);
  draft.set('lesions.hard-exudates', 'many');
  expect(draft.protocol.values['lesions.hard-exudates']).toMatchObject({ source: 'manual', certainty: null });
  draft.undo();
  draft.undo();
  expect(valueOf(draft.protocol, 'lesions.hard-exudates')).toBeNull();
});

test('numbers are typed with either decimal sign, or as a ratio', () => {
  const cup = requireField(schema, 'disc.cup-disc-ratio');
  expect(readTyped(schema, cup, ' 0,3 ')).toEqual({ value: 0.3 });
  expect(readTyped(schema, cup, '')).toEqual({ value: null });
  expect(readTyped(schema, cup, '3')).toMatchObject({ expected: expect.stringContaining('0') as string });
  expect(readTyped(schema, cup, 'many')).toHaveProperty('expected');
  expect(showValue(cup, 0.3, ',')).toBe('0,3');
  const ratio = requireField(schema, 'vessels.av-ratio');
  const [text, number] = Object.entries(ratio.written!)[0]!;
  expect(readTyped(schema, ratio, text)).toEqual({ value: number });
  expect(showValue(ratio, number, '.')).toBe(text);
});
