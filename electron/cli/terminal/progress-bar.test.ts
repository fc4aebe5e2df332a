import { expect, test } from 'vitest';
import displayWidth from 'string-width';
import { ProgressBar } from './progress-bar.ts';

function makeBar(isTTY: boolean) {
  const written: string[] = [];
  const write = (text: string | Uint8Array) => {
    written.push(String(text));
    return true;
  };
  return { written, bar: new ProgressBar({ isTTY, write }) };
}

test('one line that fits a terminal, and is wiped away', () => {
  const { written, bar } = makeBar(true);
  bar.title = '12/100 правый глаз пациента с длинным именем.jpg';
  bar.update({ stage: 'lens', done: 1, total: 3 });
  bar.update({ stage: 'lens', done: 3, total: 3 });
  bar.clear();
  expect(written).toHaveLength(3);
  expect(written[0]).toContain('Reading the layers');
  expect(written[0]).toContain('33 %');
  for (const line of written.slice(0, 2)) expect(displayWidth(line.replace('\r', ''))).toBeLessThan(80);
  expect(written[2]).toBe('\r\u001b[2K');
});

test('the beginning of a stage always shows, steps in quick succession do not', () => {
  const { written, bar } = makeBar(true);
  bar.update({ stage: 'image', done: 3, total: 3 });
  bar.update({ stage: 'vision', done: 0, total: 100 });
  for (let done = 1; done < 50; done++) bar.update({ stage: 'vision', done, total: 100 });
  expect(written[1]).toContain('Looking at the image');
  expect(written.length).toBeLessThan(10);
});

test('nothing is written where no one is looking', () => {
  const { written, bar } = makeBar(false);
  bar.update({ stage: 'lens', done: 1, total: 3 });
  bar.clear();
  expect(written).toEqual([]);
});
