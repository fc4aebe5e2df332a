import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { conceptSetSchema } from './concept-set.ts';
import { findLeaks } from './find-leaks.ts';

const file = new URL('../../../resources/concepts/fundus.json', import.meta.url);
const fundus = conceptSetSchema.parse(JSON.parse(readFileSync(file, 'utf8')));

describe('findLeaks', () => {
  test.each([
    ['Describe this image.', []],
    ['What is this image? Answer with one word.', []],
    ['Descripte this image. Answer with one word.', []],
    ['Write a description protocol of this image.', []],
    ['Опишите это изображение.', []],
    ['Что это за изображение? Ответьте одним словом.', []],
    ['Опиши изображение. Ответь одним словом.', []],
    ['Составьте протокол описания этого изображения.', []],
  ])('%s names nothing', (prompt, expected) => {
    expect(findLeaks(prompt, fundus)).toEqual(expected);
  });

  test.each([
    ['Describe this fundus photograph.', ['fundus-photograph']],
    ['Is there a HAEMORRHAGE near the macula?', ['haemorrhage', 'macula']],
    ['Are the blood vessels normal?', ['blood-vessel', 'normal']],
    ['Does the patient have diabetes?', ['diabetic-retinopathy']],
    ['What does the OCT show?', ['oct']],
    ['What does the X-ray show?', ['x-ray']],
    ['You are an ophthalmologist. Describe this image.', ['eye']],
    ['Опишите снимок глазного дна.', ['fundus-photograph']],
    ['Видна ли на снимке сетчатка?', ['retina']],
    ['Что с сосудами сетчатки?', ['retina', 'blood-vessel']],
    ['Есть ли твердые экссудаты?', ['exudate']],
    ['Есть ли признаки глаукомы?', ['glaucoma']],
    ['Найдите жёлтое пятно.', ['macula']],
  ])('%s names %j', (prompt, expected) => {
    expect(findLeaks(prompt, fundus)).toEqual(expect.arrayContaining(expected));
  });

  test.each([
    ['the october report', 'oct'],
    ['a cupboard', 'cup'],
    ['cataclysm, category, catch', 'cat'],
    ['Return the answer', 'retina'],
    ['скотный двор', 'cat'],
    ['глазурь на торте', 'eye'],
  ])('%s does not name %s', (prompt, concept) => {
    expect(findLeaks(prompt, fundus)).not.toContain(concept);
  });
});
