import { expect, test } from 'vitest';
import { experimentDraftSchema, experimentFileSchema } from '../../../../electron/contract/experiments.ts';
import { emptyDraft, fromFile, newHypothesis, toFile } from './experiment-draft.ts';

const models = [
  { id: 7, sha256: 'a'.repeat(64), name: 'one' },
  { id: 8, sha256: 'b'.repeat(64), name: 'two' },
];

test('an empty form has the defaults of the contract', () => {
  const form = emptyDraft('What is this?', 7);
  const { photographs, ...file } = experimentDraftSchema.parse(toFile({ ...form, title: 't' }, models));
  expect(photographs).toBeUndefined();
  const whole = experimentFileSchema.parse({
    schema: 'fundus-lens.experiment/1',
    title: 't',
    photographs: { group: 'g' },
    models: [{ sha256: models[0]!.sha256, name: 'one' }],
    prompts: ['What is this?'],
  });
  expect(file).toEqual({ ...whole, photographs: undefined });
});

test('a file comes out of the form as it went in; hypotheses always have controls', () => {
  const hypothesis = { ...newHypothesis('retina'), by: 9, percent: 75 };
  const form = { ...emptyDraft('a', 8), title: ' t ', controls: false, hypotheses: [hypothesis] };
  const file = experimentDraftSchema.parse(toFile({ ...form, prompts: ['a', ' a ', '', 'b'] }, models));
  expect(file).toMatchObject({ title: 't', controls: true, prompts: ['a', 'b'] });
  expect(file.hypotheses).toEqual([{ concept: 'retina', expect: 'readable', by: 9, share: 0.75 }]);
  const again = fromFile({ ...file, photographs: { group: 'g' } }, models);
  expect(experimentDraftSchema.parse(toFile(again, models))).toEqual(file);
  expect(fromFile({ ...file, photographs: { group: 'g' } }, []).modelIds).toEqual([]);
});
