import type { StoredDrawing } from '../../contract/protocols/drawings.ts';
import type { Laterality } from '../../contract/laterality.ts';
import type { StoredProtocol } from '../../contract/protocols/protocols.ts';
import {
  checkDrawing,
  drawingFormat,
  followDrawing,
  toDrawings,
  type Drawing,
  type DrawnShape,
} from '../../protocol/geometry/drawing.ts';
import { setValue } from '../../protocol/edit.ts';
import { createProtocol, valueOf } from '../../protocol/protocol.ts';
import type { Library } from '../../store/library/library.ts';
import { fundusSchema, onTheForm } from '../protocols/protocol-form.ts';

interface DrawingToSave {
  readonly imageId: number;
  readonly observer: string;
  readonly shapes: readonly DrawnShape[];
  readonly basedOn?: number | undefined;
  readonly intoProtocol: boolean;
  readonly replaceManual: boolean;
}

const eyes: Readonly<Record<Laterality, 'OD' | 'OS' | null>> = { R: 'OD', L: 'OS', B: null, unknown: null };

/**
 * Keeps a drawing, and what follows from it in the observer's protocol: both or neither.
 *
 * @throws FundusLensError `protocol.invalid` for a contour that crosses itself, a cup outside its disc, or a protocol that
 *   says a drawn lesion is absent; `input.invalid` for an unknown image or an edit of an older version
 */
export function saveDrawing(
  library: Library,
  { imageId, observer, shapes, basedOn, intoProtocol, replaceManual }: DrawingToSave,
): { readonly stored: StoredDrawing; readonly protocol: StoredProtocol | null } {
  const { sha256, width, height, laterality } = library.images.get(imageId);
  onTheForm(() => {
    checkDrawing(fundusSchema, shapes);
  });
  return library.transaction(() => {
    const drawing = {
      format: drawingFormat,
      image: sha256,
      width,
      height,
      observer,
      shapes: [...shapes],
    } satisfies Drawing;
    const stored = library.drawings.add(imageId, drawing, basedOn);
    if (!intoProtocol) return { stored, protocol: null };
    const [latest] = library.protocols.history(imageId, observer);
    const eye = eyes[laterality];
    const before =
      latest === undefined
        ? createProtocol(fundusSchema, { image: sha256, observer })
        : library.protocols.get(latest.id).protocol;
    const followed = onTheForm(() => {
      const measured = followDrawing(fundusSchema, before, toDrawings(shapes, eye), { replaceManual });
      return latest === undefined && eye !== null && valueOf(measured, 'header.eye') === null
        ? setValue(fundusSchema, measured, 'header.eye', eye, { source: 'imported' })
        : measured;
    });
    const saysSomething = Object.values(followed.values).some(({ source }) => source === 'measured');
    if (latest === undefined && !saysSomething) return { stored, protocol: null };
    return { stored, protocol: library.protocols.add(imageId, followed) };
  });
}
