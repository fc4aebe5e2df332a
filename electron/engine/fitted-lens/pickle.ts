/** What a description is made of; T is what its calls give. */
export type PickleValue<T> =
  | null
  | boolean
  | number
  | string
  | T
  | readonly PickleValue<T>[]
  | ReadonlyMap<PickleValue<T>, PickleValue<T>>;

/** What a description may ask for from outside; both refuse by throwing. */
export interface PickleOutside<T> {
  /** What a persistent id stands for. */
  refer(id: unknown): unknown;
  /** @param name module and name, with a space between them */
  call(name: string, args: readonly unknown[]): T | null;
}

const mark = Symbol('mark');
class Global {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}

/**
 * Reads Python's pickle, protocols 2 to 4, as far as plain data go. Nothing is run: a call is looked up by its name in
 * `outside`, and opcodes that make objects of classes do not exist here.
 *
 * @throws RangeError for anything else
 * @see https://docs.python.org/3/library/pickletools.html
 */
export function readPickle<T>(bytes: Buffer, outside: PickleOutside<T>): PickleValue<T> {
  return new Machine(bytes, outside).run() as PickleValue<T>;
}

class Machine {
  readonly #bytes: Buffer;
  readonly #outside: PickleOutside<unknown>;
  readonly #stack: unknown[] = [];
  readonly #memo = new Map<number, unknown>();
  #at = 0;

  constructor(bytes: Buffer, outside: PickleOutside<unknown>) {
    this.#bytes = bytes;
    this.#outside = outside;
  }

  run(): unknown {
    for (;;) {
      const code = this.#take(1)[0]!;
      if (code === 0x2e) return this.#pop();
      const operation = this.#operations[code];
      if (operation === undefined) throw new RangeError(`opcode ${code} of a pickle`);
      operation();
    }
  }

  /** By opcode. */
  readonly #operations: Readonly<Record<number, () => void>> = {
    // PROTO, FRAME
    0x80: () => void this.#take(1),
    0x95: () => void this.#take(8),
    // NONE, NEWTRUE, NEWFALSE
    0x4e: () => this.#push(null),
    0x88: () => this.#push(true),
    0x89: () => this.#push(false),
    // BININT, BININT1, BININT2, LONG1, BINFLOAT
    0x4a: () => this.#push(this.#take(4).readInt32LE()),
    0x4b: () => this.#push(this.#take(1)[0]),
    0x4d: () => this.#push(this.#take(2).readUInt16LE()),
    0x8a: () => this.#push(this.#long(this.#take(1)[0]!)),
    0x47: () => this.#push(this.#take(8).readDoubleBE()),
    // BINUNICODE, SHORT_BINUNICODE
    0x58: () => this.#push(this.#take(this.#take(4).readUInt32LE()).toString('utf8')),
    0x8c: () => this.#push(this.#take(this.#take(1)[0]!).toString('utf8')),
    // EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, MARK
    0x7d: () => this.#push(new Map<unknown, unknown>()),
    0x5d: () => this.#push([]),
    0x29: () => this.#push([]),
    0x28: () => this.#push(mark),
    // TUPLE, TUPLE1, TUPLE2, TUPLE3
    0x74: () => this.#push(this.#toMark()),
    0x85: () => this.#push(this.#last(1)),
    0x86: () => this.#push(this.#last(2)),
    0x87: () => this.#push(this.#last(3)),
    // SETITEM, SETITEMS, APPEND, APPENDS
    0x73: () => this.#set(this.#last(2)),
    0x75: () => this.#set(this.#toMark()),
    0x61: () => this.#append(this.#last(1)),
    0x65: () => this.#append(this.#toMark()),
    // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
    0x71: () => void this.#memo.set(this.#take(1)[0]!, this.#top()),
    0x72: () => void this.#memo.set(this.#take(4).readUInt32LE(), this.#top()),
    0x94: () => void this.#memo.set(this.#memo.size, this.#top()),
    0x68: () => this.#push(this.#recall(this.#take(1)[0]!)),
    0x6a: () => this.#push(this.#recall(this.#take(4).readUInt32LE())),
    // GLOBAL, BINPERSID, REDUCE
    0x63: () => this.#push(new Global(`${this.#line()} ${this.#line()}`)),
    0x51: () => this.#push(this.#outside.refer(this.#pop())),
    0x52: () => this.#call(),
  };

  #take(count: number): Buffer {
    const end = this.#at + count;
    if (end > this.#bytes.length) throw new RangeError('a pickle that is cut short');
    const part = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end < 0) throw new RangeError('a pickle that is cut short');
    const line = this.#take(end - this.#at).toString('utf8');
    this.#at++;
    return line;
  }

  /** Little-endian, two's complement. */
  #long(count: number): number {
    const value = count === 0 ? 0 : count <= 6 ? this.#take(count).readIntLE(0, count) : NaN;
    if (Number.isNaN(value)) throw new RangeError('a whole number of more than 48 bits');
    return value;
  }

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  #pop(): unknown {
    if (this.#stack.length === 0) throw new RangeError('a pickle whose stack is empty');
    return this.#stack.pop();
  }

  #top(): unknown {
    return this.#stack.at(-1);
  }

  #last(count: number): unknown[] {
    if (this.#stack.length < count) throw new RangeError('a pickle whose stack is empty');
    return this.#stack.splice(this.#stack.length - count);
  }

  #toMark(): unknown[] {
    const at = this.#stack.lastIndexOf(mark);
    if (at < 0) throw new RangeError('a pickle without a mark');
    const values = this.#stack.splice(at);
    return values.slice(1);
  }

  #recall(key: number): unknown {
    if (!this.#memo.has(key)) throw new RangeError('a pickle that names what it has not');
    return this.#memo.get(key);
  }

  #set(pairs: readonly unknown[]): void {
    const target = this.#top();
    if (!(target instanceof Map) || pairs.length % 2 !== 0) throw new RangeError('items of no dictionary');
    for (let at = 0; at < pairs.length; at += 2) target.set(pairs[at], pairs[at + 1]);
  }

  #append(values: readonly unknown[]): void {
    const target = this.#top();
    if (!Array.isArray(target)) throw new RangeError('items of no list');
    for (const value of values) target.push(value);
  }

  #call(): void {
    const [callable, args] = this.#last(2);
    if (!(callable instanceof Global) || !Array.isArray(args)) throw new RangeError('a call of nothing');
    this.#push(this.#outside.call(callable.name, args));
  }
}
