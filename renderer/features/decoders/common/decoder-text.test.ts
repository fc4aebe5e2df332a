import { expect, test } from 'vitest';
import schemaFile from '../../../../resources/protocols/fundus.json' with { type: 'json' };
import type { DecodedField, DecodedLayer } from '../../../../electron/contract/protocols/decoded.ts';
import { setValue } from '../../../../electron/protocol/edit.ts';
import { createProtocol } from '../../../../electron/protocol/protocol.ts';
import { readProtocolSchema } from '../../../../electron/protocol/schema.ts';
import { rowsOf } from '../image/decoded-rows.ts';
import { judge, wordsOfValue, type FittedField } from './decoder-text.ts';

const schema = readProtocolSchema(schemaFile);
const estimate = (value: number, width = 0.05) => ({ value, low: value - width, high: value + width });

function fitted(score: number, shuffled: number, pixels: number): Pick<FittedField, 'chosen' | 'curves'> {
  const point = { layer: 0, score: estimate(pixels), shuffled: estimate(0.5), selectivity: null };
  return {
    chosen: {
      set: 'image-mean',
      layer: 3,
      score: estimate(score),
      shuffled: estimate(shuffled),
      selectivity: score - shuffled,
      measures: {},
    },
    curves: [{ set: 'pixels', role: 'baseline', points: [point] }],
  };
}

test('encoded is said only above shuffled labels, and not where pixels do as well', () => {
  expect(judge(fitted(0.85, 0.5, 0.67))).toBe('encoded');
  expect(judge(fitted(0.7, 0.5, 0.67))).toBe('not-above-pixels');
  expect(judge(fitted(0.58, 0.5, 0.4))).toBe('not-shown');
  const unknown = fitted(0.9, 0.5, 0.4);
  const open = { value: 0.9, low: null, high: null };
  expect(judge({ ...unknown, chosen: { ...unknown.chosen, score: open } })).toBe('not-shown');
});

const decodedField = (field: string, more: Partial<DecodedField>): DecodedField => ({
  field,
  kind: 'categorical',
  status: 'assessed',
  value: null,
  certainty: 0.9,
  probabilities: [],
  possible: [],
  low: null,
  high: null,
  set: 'image-mean',
  layer: 3,
  ...more,
});

test('what was not assessed neither agrees nor differs', () => {
  const layer: DecodedLayer = {
    layer: 3,
    fields: [
      decodedField('header.eye', { value: 'OD' }),
      decodedField('disc.colour', { value: 'pale' }),
      decodedField('disc.size', { status: 'abstained', possible: ['small', 'normal'] }),
      decodedField('derived.referable', { value: 'present' }),
    ],
    protocol: createProtocol(schema),
    text: { en: '', ru: '' },
  };
  let manual = setValue(schema, createProtocol(schema), 'header.eye', 'OD');
  manual = setValue(schema, manual, 'disc.colour', 'pink');
  manual = setValue(schema, manual, 'disc.size', 'normal');
  manual = setValue(schema, manual, 'macula.drusen', 'none');
  const groups = rowsOf(schema, layer, [manual], false);
  expect(groups.map(({ group }) => group)).toEqual(['header', 'disc', 'macula', null]);
  const relations = groups.flatMap(({ rows }) => rows.map(({ field, relation }) => [field, relation]));
  expect(relations).toEqual([
    ['header.eye', 'same'],
    ['disc.colour', 'different'],
    ['disc.size', null],
    ['macula.drusen', null],
    ['derived.referable', null],
  ]);
  const all = rowsOf(schema, layer, [manual], true).flatMap(({ rows }) => rows);
  expect(all).toHaveLength(schema.fields.size + 1);
});

test('values are written in the words of the protocol', () => {
  expect(wordsOfValue(schema, 'disc.colour', 'pale', 'ru')).toBe('бледный');
  expect(wordsOfValue(schema, 'disc.cup-disc-ratio', 0.4, 'ru')).toBe('0,4');
  expect(wordsOfValue(schema, 'lesions.hard-exudates-distance', 1.5, 'en')).toBe('1.5 DD');
  expect(wordsOfValue(schema, 'derived.referable', 'present', 'en')).toBe('present');
});
