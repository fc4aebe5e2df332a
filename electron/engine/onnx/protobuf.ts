/** Writes the protobuf wire format: varints, 32-bit values and length-delimited fields. */
export class ProtobufWriter {
  #chunks: Uint8Array[] = [];
  #length = 0;

  varint(field: number, value: number | bigint): this {
    this.#key(field, 0);
    this.#raw(encodeVarint(BigInt(value)));
    return this;
  }

  float(field: number, value: number): this {
    this.#key(field, 5);
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setFloat32(0, value, true);
    this.#raw(bytes);
    return this;
  }

  bytes(field: number, value: Uint8Array): this {
    this.#key(field, 2);
    this.#raw(encodeVarint(BigInt(value.length)));
    this.#raw(value);
    return this;
  }

  string(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value, 'utf8'));
  }

  message(field: number, value: ProtobufWriter): this {
    return this.bytes(field, value.finish());
  }

  finish(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length);
  }

  #key(field: number, wireType: number): void {
    this.#raw(encodeVarint(BigInt((field << 3) | wireType)));
  }

  #raw(bytes: Uint8Array): void {
    this.#chunks.push(bytes);
    this.#length += bytes.length;
  }
}

function encodeVarint(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest === 0n ? low : low | 0x80);
  } while (rest !== 0n);
  return Uint8Array.from(bytes);
}
