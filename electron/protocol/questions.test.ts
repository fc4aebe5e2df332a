import { describe, expect, it } from 'vitest';
import questionsFile from '../../resources/protocols/questions.json' with { type: 'json' };
import schemaFile from '../../resources/protocols/fundus.json' with { type: 'json' };
import { setValue } from './edit.ts';
import { createProtocol } from './protocol.ts';
import { readQuestions, truthOf } from './questions.ts';
import { readProtocolSchema } from './schema.ts';

const schema = readProtocolSchema(schemaFile);
const file = readQuestions(schema, questionsFile);
const question = (id: string) => file.questions.find((each) => each.id === id)!;
const withValues = (values: Record<string, string>) =>
  Object.entries(values).reduce(
    (protocol, [id, value]) => setValue(schema, protocol, id, value),
    createProtocol(schema),
  );

describe('questions', () => {
  it('ask for every lesion, in both polarities and languages, each question once', () => {
    const lesions = schema.groups
      .find(({ id }) => id === 'lesions')!
      .fields.filter(({ kind }) => kind === 'count');
    for (const { id } of lesions) {
      expect(file.questions.some(({ positive }) => positive.some(({ field }) => field === id))).toBe(true);
    }
    const texts = file.questions.flatMap(({ text }) =>
      Object.values(text).flatMap((each) => Object.values(each)),
    );
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.filter((text) => /Answer yes or no\.$|Ответьте да или нет\.$/.test(text))).toHaveLength(
      texts.length,
    );
  });

  it('never take one value for yes and for no', () => {
    for (const { id, positive, negative } of file.questions) {
      for (const { field, values } of positive) {
        const denied = negative.filter((each) => each.field === field).flatMap((each) => each.values);
        expect([id, values.filter((value) => denied.includes(value))]).toEqual([id, []]);
      }
    }
  });

  it('are left open by what was not assessed', () => {
    expect(truthOf(question('diabetic'), createProtocol(schema))).toBeNull();
    expect(truthOf(question('diabetic'), withValues({ 'conclusion.icdr': 'present' }))).toBe(true);
    expect(truthOf(question('referable'), withValues({ 'conclusion.icdr': 'present' }))).toBeNull();
    expect(truthOf(question('referable'), withValues({ 'conclusion.icdr': '1' }))).toBe(false);
  });

  it('need every place to be clear before they say no', () => {
    const half = withValues({ 'disc.new-vessels': 'none' });
    expect(truthOf(question('neovascular'), half)).toBeNull();
    expect(truthOf(question('neovascular'), setValue(schema, half, 'vessels.new-vessels', 'none'))).toBe(
      false,
    );
    expect(truthOf(question('neovascular'), setValue(schema, half, 'vessels.new-vessels', 'present'))).toBe(
      true,
    );
  });

  it('are refused when they ask for what the protocol does not have', () => {
    const broken = structuredClone(questionsFile);
    broken.questions[0]!.positive[0]!.values = ['plenty'];
    expect(() => readQuestions(schema, broken)).toThrow(/lesions\.microaneurysms cannot be plenty/);
  });
});
