import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import type { DrawnShape } from '../../../electron/protocol/geometry/drawing.ts';
import type { Shape } from '../../../electron/protocol/geometry/shapes.ts';

type Shapes = readonly DrawnShape[];

const capacity = 200;

/** A drawing in work: every edit can be taken back and made again, and it knows whether it was saved. */
export class DrawingDraft {
  readonly #past = shallowRef<readonly Shapes[]>([]);
  readonly #future = shallowRef<readonly Shapes[]>([]);
  readonly #shapes: ShallowRef<Shapes>;
  readonly #saved: ShallowRef<string>;
  readonly canUndo = computed(() => this.#past.value.length > 0);
  readonly canRedo = computed(() => this.#future.value.length > 0);
  readonly isDirty: ComputedRef<boolean>;

  constructor(shapes: Shapes) {
    this.#shapes = shallowRef(shapes);
    this.#saved = shallowRef(JSON.stringify(shapes));
    this.isDirty = computed(() => JSON.stringify(this.#shapes.value) !== this.#saved.value);
  }

  get shapes(): Shapes {
    return this.#shapes.value;
  }

  /** Adds a shape; one of which an eye has only one takes the place of the one before. @returns its place */
  add(drawn: DrawnShape, isSingle: boolean): number {
    const before = isSingle ? this.shapes.findIndex(({ of }) => of === drawn.of) : -1;
    if (before >= 0) this.#apply(this.shapes.map((each, at) => (at === before ? drawn : each)));
    else this.#apply([...this.shapes, drawn]);
    return before >= 0 ? before : this.shapes.length - 1;
  }

  change(index: number, shape: Shape): void {
    this.#apply(this.shapes.map((each, at) => (at === index ? { ...each, shape: shape } : each)));
  }

  remove(index: number): void {
    this.#apply(this.shapes.filter((_, at) => at !== index));
  }

  /** Draws what another version shows; it can be taken back like any edit. */
  replace(shapes: Shapes): void {
    this.#apply(shapes);
  }

  markSaved(shapes: Shapes): void {
    this.#saved.value = JSON.stringify(shapes);
  }

  undo(): void {
    this.#travel(this.#past, this.#future);
  }

  redo(): void {
    this.#travel(this.#future, this.#past);
  }

  #apply(shapes: Shapes): void {
    if (JSON.stringify(shapes) === JSON.stringify(this.shapes)) return;
    this.#past.value = [...this.#past.value, this.shapes].slice(-capacity);
    this.#future.value = [];
    this.#shapes.value = shapes;
  }

  #travel(from: { value: readonly Shapes[] }, to: { value: readonly Shapes[] }): void {
    const target = from.value.at(-1);
    if (target === undefined) return;
    to.value = [...to.value, this.shapes];
    from.value = from.value.slice(0, -1);
    this.#shapes.value = target;
  }
}
