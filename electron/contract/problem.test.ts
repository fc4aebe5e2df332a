import { describe, expect, it } from 'vitest';
import { FundusLensError } from './errors.ts';
import { problemOf } from './problem.ts';

describe('the problem of a defect', () => {
  it.each([
    "ENOENT: no such file or directory, open '/home/anna/Ёлкина Мария/eye one.jpg'",
    'Cannot find module "C:\\Users\\anna\\Ёлкина\\a.node"',
    'failed at file:///home/anna/Ёлкина/engine.ts:12:3',
    'mmap of /srv/anna/Ёлкина/model.bin failed',
    'Load model from /home/anna/Ёлкина Мария/vision.onnx failed: no such operator',
  ])('names no folder or file: %s', (message) => {
    const { code, summary } = problemOf(new Error(message));
    expect(code).toBe('internal');
    expect(summary).not.toMatch(/anna|Ёлкина|Мария|eye|vision|model\.bin/);
    expect(summary).toContain('…');
  });

  it('keeps the rest of its words', () => {
    expect(problemOf(new Error('expected 3/4 of [2, 3], found and/or a.b: 1/2')).summary).toBe(
      'expected 3/4 of [2, 3], found and/or a.b: 1/2',
    );
    expect(problemOf(new Error("EIO: i/o error, read '/a/b'")).summary).toBe("EIO: i/o error, read '…'");
  });

  it('is not that of a message that was written for a person', () => {
    const error = new FundusLensError('output.unwritable', 'Cannot write /home/anna/a.csv.');
    expect(problemOf(error).summary).toContain('/home/anna/a.csv');
  });
});
