import { computed, shallowRef } from 'vue';
import type { DrawingKind, ShapeKind } from '../../../electron/protocol/geometry/drawing.ts';
import type { Point, Shape } from '../../../electron/protocol/geometry/shapes.ts';
import { ellipseBetween } from './shape-edit.ts';

/** What the pointer does: takes hold of what is drawn, measures a distance, or draws. */
export type ToolChoice =
  | { readonly does: 'select' }
  | { readonly does: 'ruler' }
  | { readonly does: 'draw'; readonly kind: DrawingKind; readonly form: ShapeKind };

export type RulerEnds = readonly [Point, Point];

/** A shape in the making, by mouse or keys: corners are placed one by one, and the last follows the pointer. */
export class DrawingTool {
  readonly choice = shallowRef<ToolChoice>({ does: 'select' });
  readonly corners = shallowRef<readonly Point[]>([]);
  /** Where the next corner would be placed. */
  readonly cursor = shallowRef<Point | null>(null);
  readonly isRound = shallowRef(false);
  /** The distance measured last. */
  readonly ruler = shallowRef<RulerEnds | null>(null);
  readonly isDrawing = computed(() => this.choice.value.does !== 'select');
  readonly #finish: (kind: DrawingKind, shape: Shape) => void;

  /** @param finish takes a whole shape */
  constructor(finish: (kind: DrawingKind, shape: Shape) => void) {
    this.#finish = finish;
  }

  /** What would be there if the shape were ended now. */
  readonly preview = computed<Shape | null>(() => {
    const [first] = this.corners.value;
    if (this.choice.value.does !== 'draw' || first === undefined || this.cursor.value === null) return null;
    return this.choice.value.form === 'ellipse'
      ? ellipseBetween(first, this.cursor.value, this.isRound.value)
      : { kind: 'polygon', points: [...this.corners.value, this.cursor.value] };
  });
  readonly rulerPreview = computed<RulerEnds | null>(() => {
    const [first] = this.corners.value;
    if (this.choice.value.does !== 'ruler' || first === undefined || this.cursor.value === null) return null;
    return [first, this.cursor.value];
  });

  choose(choice: ToolChoice): void {
    this.choice.value = choice;
    this.corners.value = [];
    this.isRound.value = false;
    if (choice.does === 'select') this.cursor.value = null;
  }

  hover(at: Point, isRound = false): void {
    this.cursor.value = at;
    this.isRound.value = isRound;
  }

  /**
   * Places a corner; a point is whole at once, an ellipse and a distance with their second.
   *
   * @param closesWithin how near to its first corner a contour is closed, px of the photograph
   */
  place(at: Point, closesWithin = 0): void {
    const choice = this.choice.value;
    if (choice.does === 'select') return;
    this.cursor.value = at;
    if (choice.does === 'draw' && choice.form === 'point') {
      this.#finish(choice.kind, { kind: 'point', at });
      return;
    }
    const [first] = this.corners.value;
    if (first !== undefined && (choice.does === 'ruler' || choice.form === 'ellipse')) {
      this.end();
      return;
    }
    const closes = this.corners.value.length >= 3 && distance(first!, at) <= closesWithin;
    if (closes) this.end();
    else this.corners.value = [...this.corners.value, at];
  }

  /** Ends the shape where it stands; what has no size yet goes on. */
  end(): void {
    const choice = this.choice.value;
    const [first] = this.corners.value;
    if (choice.does === 'select' || first === undefined) return;
    if (choice.does === 'ruler') {
      const to = this.cursor.value;
      if (to === null || distance(first, to) === 0) return;
      this.ruler.value = [first, to];
      this.corners.value = [];
      return;
    }
    const shape = choice.form === 'ellipse' ? this.preview.value : polygonOf(this.corners.value);
    if (shape === null) return;
    this.corners.value = [];
    this.#finish(choice.kind, shape);
  }

  /** Takes the last corner back. */
  back(): void {
    this.corners.value = this.corners.value.slice(0, -1);
  }

  /** Abandons the shape in the making, then the tool. @returns whether there was anything to abandon */
  abandon(): boolean {
    if (this.corners.value.length > 0) this.corners.value = [];
    else if (this.isDrawing.value) this.choose({ does: 'select' });
    else if (this.ruler.value !== null) this.ruler.value = null;
    else return false;
    return true;
  }
}

/** A double click places its corner twice. */
function polygonOf(corners: readonly Point[]): Shape | null {
  const points = corners.filter((corner, at) => at === 0 || distance(corner, corners[at - 1]!) > 0);
  return points.length < 3 ? null : { kind: 'polygon', points };
}

function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(ax - bx, ay - by);
}
