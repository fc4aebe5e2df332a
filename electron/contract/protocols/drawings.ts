import { z } from 'zod';
import { drawingFileSchema, drawnShapeSchema } from '../../protocol/geometry/drawing.ts';
import { call } from '../call.ts';
import { count, idSchema, instantSchema } from '../ids.ts';
import { observerSchema, storedProtocolSchema } from './protocols.ts';

/** One version of what one observer drew on one photograph. */
export const drawingVersionSchema = z.object({
  id: idSchema,
  imageId: idSchema,
  observer: z.string(),
  /** 1, 2, 3, … for each image and observer; the highest is the one in force. */
  version: z.int().positive(),
  shapes: count,
  createdAt: instantSchema,
});

export const storedDrawingSchema = z.object({ version: drawingVersionSchema, drawing: drawingFileSchema });

const ofObserver = z.strictObject({ imageId: idSchema, observer: observerSchema });

export type DrawingVersion = z.infer<typeof drawingVersionSchema>;
export type StoredDrawing = z.infer<typeof storedDrawingSchema>;

/** What observers draw on photographs; nothing of it touches the photograph or reaches a model. */
export const drawings = {
  /** What is in force for an image, by observer. */
  list: call.input(z.strictObject({ imageId: idSchema })).output(z.array(storedDrawingSchema)),
  /** All versions of one observer, newest first. */
  history: call.input(ofObserver).output(z.array(drawingVersionSchema)),
  get: call.input(z.strictObject({ id: idSchema })).output(storedDrawingSchema),
  /**
   * Keeps a new version; the ones before stay. What can be measured goes into the observer's protocol, as a new version
   * of it with the source "measured": both are kept, or neither. What was entered there by hand stays, unless asked otherwise.
   */
  save: call
    .input(
      ofObserver.extend({
        shapes: z.array(drawnShapeSchema).max(2000),
        /** The version that was edited, 0 for none: refused when another was saved meanwhile. */
        basedOn: count.optional(),
        /** Whether the measurements go into the protocol. */
        intoProtocol: z.boolean().default(true),
        /** Whether they also replace numbers that a person entered there. */
        replaceManual: z.boolean().default(false),
      }),
    )
    .output(z.object({ stored: storedDrawingSchema, protocol: storedProtocolSchema.nullable() })),
};
