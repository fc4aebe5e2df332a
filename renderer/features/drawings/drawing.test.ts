import { expect, test } from 'vitest';
import type { DrawingKind } from '../../../electron/protocol/geometry/drawing.ts';
import { areaOf, circle, type Shape } from '../../../electron/protocol/geometry/shapes.ts';
import { DrawingDraft } from './drawing-draft.ts';
import { DrawingTool } from './drawing-tool.ts';
import { ellipseBetween, handlesOf, moveHandle, moveShape, withoutCorner } from './shape-edit.ts';

const disc: DrawingKind = { id: 'disc', shapes: ['ellipse', 'polygon'], isSingle: true };
const drawn = (radius: number) => ({ of: 'disc', shape: circle([100, 100], radius) });

test('edits are undone and made again, and it is known whether they were saved', () => {
  const draft = new DrawingDraft([]);
  expect(draft.add(drawn(20), true)).toBe(0);
  expect(draft.add(drawn(30), true)).toBe(0);
  expect(draft.shapes).toEqual([drawn(30)]);
  draft.undo();
  expect(draft.shapes).toEqual([drawn(20)]);
  draft.redo();
  draft.markSaved(draft.shapes);
  expect(draft.isDirty.value).toBe(false);
  draft.change(0, circle([1, 1], 5));
  expect(draft.isDirty.value).toBe(true);
  draft.remove(0);
  expect(draft.shapes).toEqual([]);
  draft.undo();
  draft.undo();
  expect(draft.isDirty.value).toBe(false);
});

test('handles lengthen axes, turn, and move corners', () => {
  const ellipse = ellipseBetween([0, 0], [100, 60])!;
  expect(ellipse).toEqual({ kind: 'ellipse', centre: [50, 30], radii: [50, 30], rotation: 0 });
  expect(ellipseBetween([10, 10], [-30, 20], true)).toMatchObject({ centre: [-10, 30], radii: [20, 20] });
  expect(ellipseBetween([0, 0], [50, 0])).toBeNull();
  expect(moveHandle(ellipse, 0, [120, 99])).toMatchObject({ radii: [70, 30] });
  expect(moveHandle(ellipse, 3, [0, -10])).toMatchObject({ radii: [50, 40] });
  expect(moveHandle(ellipse, 4, [50, 90])).toMatchObject({ rotation: Math.PI / 2 });
  // A handle that is put where it is changes nothing.
  const turned = { ...ellipse, rotation: 0.7 };
  handlesOf(turned).forEach((at, handle) => {
    const same = moveHandle(turned, handle, at) as typeof turned;
    expect(same.radii[0]).toBeCloseTo(50, 9);
    expect(same.radii[1]).toBeCloseTo(30, 9);
    expect(same.rotation).toBeCloseTo(0.7, 9);
  });
  const square: Shape = {
    kind: 'polygon',
    points: [
      [0, 0],
      [10, 0],
      [10, 10],
      [0, 10],
    ],
  };
  expect(areaOf(moveShape(square, 3, 4) as typeof square)).toBe(100);
  expect(withoutCorner(square, 2)).toMatchObject({
    points: [
      [0, 0],
      [10, 0],
      [0, 10],
    ],
  });
  expect(withoutCorner(withoutCorner(square, 2)!, 0)).toBeNull();
});

test('a contour is placed corner by corner, taken back, closed at its first corner, or abandoned', () => {
  const shapes: Shape[] = [];
  const tool = new DrawingTool((_, shape) => shapes.push(shape));
  tool.choose({ does: 'draw', kind: disc, form: 'polygon' });
  tool.place([0, 0]);
  tool.place([10, 0]);
  tool.end();
  expect(shapes).toEqual([]);
  tool.place([99, 99]);
  tool.back();
  tool.place([10, 10]);
  tool.place([10, 10]);
  tool.place([0.5, 0.5], 2);
  expect(shapes).toEqual([
    {
      kind: 'polygon',
      points: [
        [0, 0],
        [10, 0],
        [10, 10],
      ],
    },
  ]);
  tool.place([5, 5]);
  expect([tool.abandon(), tool.isDrawing.value]).toEqual([true, true]);
  expect([tool.abandon(), tool.isDrawing.value]).toEqual([true, false]);
  expect(tool.abandon()).toBe(false);
});

test('an ellipse needs two corners, and a ruler keeps what it measured last', () => {
  const shapes: Shape[] = [];
  const tool = new DrawingTool((_, shape) => shapes.push(shape));
  tool.choose({ does: 'draw', kind: disc, form: 'ellipse' });
  tool.place([10, 10]);
  tool.place([10, 10]);
  expect(shapes).toEqual([]);
  tool.hover([30, 50]);
  tool.end();
  expect(shapes).toEqual([{ kind: 'ellipse', centre: [20, 30], radii: [10, 20], rotation: 0 }]);
  tool.choose({ does: 'ruler' });
  tool.place([0, 0]);
  tool.place([3, 4]);
  expect(tool.ruler.value).toEqual([
    [0, 0],
    [3, 4],
  ]);
  tool.choose({ does: 'select' });
  expect([tool.abandon(), tool.ruler.value]).toEqual([true, null]);
});
