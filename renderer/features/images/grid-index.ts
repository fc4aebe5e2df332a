import type { GridCard, GridRows } from '../../../electron/contract/images/image-grid.ts';

/** Rows fetched at a time: one page of the database's, some milliseconds of work at either end. */
export const pieceSize = 2000;
/** Milliseconds without a change before old rows that nobody looks at are fetched anew. */
const quiet = 400;

export interface GridSource {
  /** Reads a run of the present query's images. */
  readonly read: (first: number, limit: number) => Promise<GridRows>;
  /** Called when rows between two places have arrived. */
  readonly arrived: (first: number, last: number) => void;
}

/**
 * The whole of a query in the renderer's memory, so that a scrollbar dragged through it finds every cell there. What
 * is looked at comes first, then the neighbours, then the rest. After a change old rows stay until their successors
 * are here.
 */
export class GridIndex {
  readonly #source: GridSource;
  #pieces: (GridRows | undefined)[] = [];
  readonly #fresh = new Set<number>();
  readonly #underWay = new Set<number>();
  #total: number | null = null;
  #wanted: readonly [number, number] = [0, 0];
  #generation = 0;
  /** Whether what is here answers an earlier query. */
  #isOther = true;
  #later: ReturnType<typeof setTimeout> | undefined;
  #isQuiet = false;

  constructor(source: GridSource) {
    this.#source = source;
  }

  get total(): number | null {
    return this.#total;
  }

  at(index: number): GridCard | undefined {
    return this.#pieces[Math.floor(index / pieceSize)]?.at(index % pieceSize);
  }

  /** Ids of the whole query in its order; null before all of it is here and up to date. */
  ids(): number[] | null {
    const total = this.#total;
    if (total === null || this.#fresh.size < this.#pieceCount) return null;
    return Array.from({ length: total }, (_, index) =>
      this.#pieces[Math.floor(index / pieceSize)]!.idAt(index % pieceSize),
    ).filter((id) => id !== 0);
  }

  /** Whether an image between two places is on the screen. */
  isWanted(first: number, last: number): boolean {
    return first <= this.#wanted[1] && last >= this.#wanted[0];
  }

  /** Tells which cells are looked at; only the latest wish counts. */
  want(from: number, to: number): void {
    this.#wanted = [from, to];
    this.#fetchNext();
  }

  /**
   * Reads everything anew; resolves when the first rows are here, to false when another start has come in between.
   *
   * @param isOtherQuery whether the rows that are here belong to another question and leave with the first answer
   */
  async restart(isOtherQuery: boolean): Promise<boolean> {
    const generation = ++this.#generation;
    if (isOtherQuery) this.#wanted = [0, 0];
    this.#isOther ||= isOtherQuery;
    this.#fresh.clear();
    this.#underWay.clear();
    this.#isQuiet = false;
    clearTimeout(this.#later);
    const piece = Math.floor(this.#wanted[0] / pieceSize);
    this.#underWay.add(piece);
    let rows = await this.#source.read(piece * pieceSize, pieceSize);
    if (generation !== this.#generation) return false;
    if (rows.total > 0 && rows.length === 0) {
      // The list has become shorter than where we were.
      rows = await this.#source.read(0, pieceSize);
      if (generation !== this.#generation) return false;
    }
    this.#underWay.delete(piece);
    const isNew = this.#isOther;
    if (isNew) this.#pieces = [];
    this.#isOther = false;
    this.#put(rows);
    this.#later = setTimeout(
      () => {
        this.#isQuiet = true;
        this.#fetchNext();
      },
      isNew ? 0 : quiet,
    );
    this.#fetchNext();
    return true;
  }

  get #pieceCount(): number {
    return Math.ceil((this.#total ?? 0) / pieceSize);
  }

  #put(rows: GridRows): void {
    const piece = rows.first / pieceSize;
    this.#total = rows.total;
    this.#pieces.length = Math.min(this.#pieces.length, this.#pieceCount);
    if (piece < this.#pieceCount) this.#pieces[piece] = rows;
    this.#fresh.add(piece);
    this.#source.arrived(rows.first, rows.first + rows.length - 1);
  }

  /** One question for what is looked at may overtake one for the rest. */
  #fetchNext(): void {
    const piece = this.#nextPiece();
    if (piece === null) return;
    const isUrgent = this.isWanted(piece * pieceSize, (piece + 1) * pieceSize - 1);
    if (this.#underWay.size > (isUrgent ? 1 : 0) || (!isUrgent && !this.#isQuiet)) return;
    void this.#fetch(piece);
    if (!isUrgent) return;
    this.#fetchNext();
  }

  async #fetch(piece: number): Promise<void> {
    const generation = this.#generation;
    this.#underWay.add(piece);
    try {
      const rows = await this.#source.read(piece * pieceSize, pieceSize);
      if (generation !== this.#generation) return;
      this.#underWay.delete(piece);
      this.#put(rows);
      this.#fetchNext();
    } catch {
      // The connection broke; the stream of events asks for a new start when it is back.
      if (generation === this.#generation) this.#underWay.delete(piece);
    }
  }

  /** The nearest to what is looked at that is not here, or old. */
  #nextPiece(): number | null {
    const middle = (this.#wanted[0] + this.#wanted[1]) / 2 / pieceSize - 0.5;
    let nearest: number | null = null;
    for (let piece = 0; piece < this.#pieceCount; piece++) {
      if (this.#fresh.has(piece) || this.#underWay.has(piece)) continue;
      if (nearest === null || Math.abs(piece - middle) < Math.abs(nearest - middle)) nearest = piece;
    }
    return nearest;
  }
}
