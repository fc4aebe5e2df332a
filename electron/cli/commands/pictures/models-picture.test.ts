import { expect, test } from 'vitest';
import { drawModels } from './models-picture.ts';

const room = { memoryTotalBytes: 8e9, memoryFreeBytes: 4e9, diskBytes: null } as Parameters<
  typeof drawModels
>[3];

test('the model that comes with the software is named where the library has none', () => {
  const text = drawModels([], [], [], room, '/opt/fundus-lens/models/demo');
  expect(text).toContain('No models in this library.');
  expect(text).toContain('used where no --model is given: demo (/opt/fundus-lens/models/demo)');
  expect(drawModels([], [], [], room, null)).toMatch(/^No models\.\n/);
});
