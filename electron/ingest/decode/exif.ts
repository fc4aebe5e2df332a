export interface ExifFacts {
  /** Local time of the camera, `2024-02-29T10:00:00`. */
  readonly capturedAt: string | null;
  readonly camera: string | null;
}

const exifPointer = 0x8769;
const make = 0x010f;
const model = 0x0110;
const dateTimeOriginal = 0x9003;
const dateTimeDigitized = 0x9004;

/** Reads the few facts of an EXIF block that a library shows; a broken block says nothing. */
export function readExif(block: Uint8Array | undefined): ExifFacts {
  const nothing = { capturedAt: null, camera: null };
  if (block === undefined) return nothing;
  const start = Buffer.from(block.subarray(0, 6)).toString('latin1') === 'Exif\0\0' ? 6 : 0;
  const tiff = block.subarray(start);
  try {
    const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
    const little = view.getUint16(0) === 0x4949;
    const main = readDirectory(view, view.getUint32(4, little), little);
    const pointer = main.get(exifPointer);
    const detail =
      typeof pointer === 'number' ? readDirectory(view, pointer, little) : new Map<number, never>();
    const text = (directory: ReadonlyMap<number, string | number>, tag: number) => {
      const value = directory.get(tag);
      return typeof value === 'string' ? value : '';
    };
    const camera = [text(main, make), text(main, model)].filter((part) => part !== '').join(' ');
    const moment = text(detail, dateTimeOriginal) || text(detail, dateTimeDigitized);
    const [, year, month, day, time] = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)$/.exec(moment) ?? [];
    const known = year !== undefined && month !== undefined && day !== undefined && time !== undefined;
    const capturedAt = known ? `${year}-${month}-${day}T${time}` : null;
    return {
      capturedAt: capturedAt !== null && Number.isNaN(Date.parse(`${capturedAt}Z`)) ? null : capturedAt,
      camera: camera === '' ? null : camera,
    };
  } catch (error) {
    if (error instanceof RangeError) return nothing;
    throw error;
  }
}

/** Texts and single numbers of one directory. */
function readDirectory(view: DataView, offset: number, little: boolean): Map<number, string | number> {
  const entries = new Map<number, string | number>();
  const count = view.getUint16(offset, little);
  for (let i = 0; i < count; i++) {
    const at = offset + 2 + i * 12;
    const tag = view.getUint16(at, little);
    const type = view.getUint16(at + 2, little);
    const length = view.getUint32(at + 4, little);
    if (type === 4 || type === 3) {
      entries.set(tag, type === 4 ? view.getUint32(at + 8, little) : view.getUint16(at + 8, little));
    } else if (type === 2 && length <= 1024) {
      const from = length > 4 ? view.getUint32(at + 8, little) : at + 8;
      if (from + length > view.byteLength) continue;
      const bytes = Buffer.from(view.buffer, view.byteOffset + from, length);
      entries.set(tag, bytes.toString('utf8').replace(/\0.*$/s, '').trim());
    }
  }
  return entries;
}
