import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lateralityFromFileName, parseLaterality } from './laterality.ts';

describe('lateralityFromFileName', () => {
  it.each([
    ['P001_OD.jpg', 'R'],
    ['p001-os-2.png', 'L'],
    ['IMG_R_0002.JPG', 'R'],
    ['IMG L.tif', 'L'],
    ['RightEye 3.jpg', 'R'],
    ['глаз левый.jpg', 'L'],
    ['Иванова_правый_2.bmp', 'R'],
    ['fundus OU.jpg', 'B'],
    ['OD1.dcm', 'R'],
  ])('reads %s as %s', (name, laterality) => {
    expect(lateralityFromFileName(name)).toEqual({ laterality, source: 'file-name' });
  });

  it.each([
    'Room 12.jpg',
    'model.png',
    'r_l.jpg',
    'OD_OS.jpg',
    'R L.jpg',
    'lorem.os2',
    'bright.jpg',
    'Rod.jpg',
    '12r.jpg',
    'R2.jpg',
    'scan L1.jpg',
    '',
  ])('says nothing of %s', (name) => {
    expect(lateralityFromFileName(name)).toEqual({ laterality: 'unknown', source: 'none' });
  });

  it('never throws, and gives a source exactly when it gives an eye', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const { laterality, source } = lateralityFromFileName(name);
        expect(source === 'none').toBe(laterality === 'unknown');
      }),
    );
  });

  it('reads a token among neutral ones, whatever separates them', () => {
    const neutral = fc.constantFrom('P12', '2024', 'снимок', 'fundus', '007');
    const separator = fc.constantFrom('_', '-', ' ', '.', '__');
    fc.assert(
      fc.property(neutral, separator, fc.constantFrom('OD', 'od', 'Right', 'R'), neutral, (a, s, eye, b) => {
        expect(lateralityFromFileName([a, eye, b].join(s) + '.jpg').laterality).toBe('R');
      }),
    );
  });
});

describe('parseLaterality', () => {
  it.each([
    ['R', 'R'],
    [' od ', 'R'],
    ['Левый', 'L'],
    ['ou', 'B'],
    ['', 'unknown'],
    ['nose', null],
    ['RL', null],
  ])('reads %j as %j', (text, laterality) => {
    expect(parseLaterality(text)).toBe(laterality);
  });
});
