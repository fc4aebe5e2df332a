/** Maps items with at most `concurrency` at work, and yields the results in the order of the items. */
export async function* mapInOrder<T, R>(
  items: AsyncIterable<T>,
  concurrency: number,
  map: (item: T) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = [];
  try {
    for await (const item of items) {
      const result = map(item);
      // Awaited in turn below; until then a failure must not count as one that nobody handles.
      result.catch(() => undefined);
      pending.push(result);
      if (pending.length >= concurrency) yield await pending.shift()!;
    }
    while (pending.length > 0) yield await pending.shift()!;
  } finally {
    // Left early: the work under way ends before the caller goes on, and its errors have nobody to tell.
    await Promise.allSettled(pending);
  }
}
