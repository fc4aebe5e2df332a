import type { ShallowRef } from 'vue';
import type { Point } from '../../../electron/protocol/geometry/shapes.ts';
import type { DrawingDraft } from './drawing-draft.ts';
import type { DrawingTool } from './drawing-tool.ts';
import { handlesOf, moveHandle, moveShape, withoutCorner } from './shape-edit.ts';

export interface Selection {
  /** Place among the shapes; null for none. */
  readonly index: number | null;
  /** Handle or corner of the shape; null for the whole. */
  readonly handle: number | null;
}

interface Drawing {
  readonly tool: DrawingTool;
  readonly draft: () => DrawingDraft | null;
  readonly selection: ShallowRef<Selection>;
  /** Pixels of the photograph that lie in the middle of what is seen. */
  readonly middle: () => Point;
  readonly size: () => { readonly width: number; readonly height: number };
  /** The cross of the keyboard has moved. */
  readonly follow: (at: Point) => void;
}

const directions: Readonly<Record<string, Point>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Drawing without a mouse, while the focus is on the drawing or in the list of what is drawn. */
export function useDrawingKeys({ tool, draft, selection, middle, size, follow }: Drawing) {
  /** A pixel; ten with Shift, a hundred with Alt. */
  function stepOf(event: KeyboardEvent): Point | null {
    const direction = directions[event.key];
    const length = event.altKey ? 100 : event.shiftKey ? 10 : 1;
    return direction === undefined ? null : [direction[0] * length, direction[1] * length];
  }

  function moveCursor([dx, dy]: Point) {
    const [x, y] = tool.cursor.value ?? middle();
    const { width, height } = size();
    const to: Point = [Math.min(width, Math.max(0, x + dx)), Math.min(height, Math.max(0, y + dy))];
    tool.hover(to);
    follow(to);
  }

  function drawingKey(event: KeyboardEvent): boolean {
    const step = stepOf(event);
    if (step !== null) moveCursor(step);
    else if (event.key === ' ') tool.place(tool.cursor.value ?? middle());
    else if (event.key === 'Enter') {
      // A point is placed with the key that ends everything else.
      if (tool.corners.value.length === 0) tool.place(tool.cursor.value ?? middle());
      else tool.end();
    } else if (event.key === 'Backspace' || event.key === 'Delete') tool.back();
    else if (event.key === 'Escape') tool.abandon();
    else return false;
    return true;
  }

  function selectionKey(event: KeyboardEvent): boolean {
    const { index, handle } = selection.value;
    const drawn = index === null ? undefined : draft()?.shapes[index];
    if (index === null || drawn === undefined) return false;
    const step = stepOf(event);
    const handles = handlesOf(drawn.shape);
    if (step !== null) {
      const [dx, dy] = step;
      const held = handle === null ? undefined : handles[handle];
      draft()?.change(
        index,
        held === undefined
          ? moveShape(drawn.shape, dx, dy)
          : moveHandle(drawn.shape, handle!, [held[0] + dx, held[1] + dy]),
      );
    } else if (event.key === ',' || event.key === '.') {
      if (handles.length === 0) return true;
      const by = event.key === '.' ? 1 : -1;
      const from = handle ?? (by === 1 ? -1 : 0);
      selection.value = { index, handle: (from + by + handles.length) % handles.length };
    } else if (event.key === 'Delete' || event.key === 'Backspace') remove();
    else if (event.key === 'Escape') {
      selection.value = handle === null ? { index: null, handle: null } : { index, handle: null };
    } else return false;
    return true;
  }

  /** Removes the corner that is held, or else the whole shape. */
  function remove(): void {
    const { index, handle } = selection.value;
    const drawn = index === null ? undefined : draft()?.shapes[index];
    if (index === null || drawn === undefined) return;
    const rest = handle === null ? null : withoutCorner(drawn.shape, handle);
    if (rest === null) draft()?.remove(index);
    else draft()?.change(index, rest);
    selection.value = rest === null ? { index: null, handle: null } : { index, handle: null };
  }

  function onKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey) return;
    if (!(tool.isDrawing.value ? drawingKey(event) : selectionKey(event))) return;
    event.preventDefault();
  }

  /** In the list, Space and Enter belong to its buttons. */
  function onListKey(event: KeyboardEvent): void {
    if (event.key !== ' ' && event.key !== 'Enter' && event.key !== 'Tab') onKey(event);
  }

  return { onKey, onListKey, remove };
}
