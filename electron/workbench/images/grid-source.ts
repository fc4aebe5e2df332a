import { packGrid } from '../../contract/images/image-grid.ts';
import type { ImageQuery } from '../../contract/image-query.ts';
import type { Library } from '../../store/library/library.ts';
import type { EventLog } from '../events/event-log.ts';
import type { LibrarySession } from '../library/library-session.ts';

/** Orders kept: the one that is scrolled through, and those that a person goes back to. */
const capacity = 4;

interface Order {
  readonly library: Library;
  readonly edition: number;
  readonly ids: Int32Array;
}

/** Reads any run of a query's images by their ids, so that the end of a long list costs no more than its start. */
export class GridSource {
  readonly #session: LibrarySession;
  readonly #events: EventLog;
  /** By query; the least recently used comes first. */
  readonly #orders = new Map<string, Order>();

  constructor(session: LibrarySession, events: EventLog) {
    this.#session = session;
    this.#events = events;
  }

  read(query: ImageQuery, first: number, limit: number): Uint8Array<ArrayBuffer> {
    const ids = this.#idsOf(query);
    const wanted = [...ids.subarray(first, first + limit)];
    return packGrid({ total: ids.length, first, rows: this.#session.library.search.gridCards(wanted) });
  }

  #idsOf(query: ImageQuery): Int32Array {
    const key = JSON.stringify(query);
    const { library } = this.#session;
    const edition = this.#events.libraryEdition;
    const known = this.#orders.get(key);
    this.#orders.delete(key);
    const order =
      known?.library === library && known.edition === edition
        ? known
        : { library, edition, ids: Int32Array.from(library.search.ids(query)) };
    this.#orders.set(key, order);
    while (this.#orders.size > capacity) this.#orders.delete(this.#orders.keys().next().value!);
    return order.ids;
  }
}
