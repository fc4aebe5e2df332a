type Present<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Absent and `undefined` mean the same over the wire and in JSON; types of ours tell them apart. */
export function withoutAbsent<T extends object>(value: T): Present<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Present<T>;
}
