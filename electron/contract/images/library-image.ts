import { z } from 'zod';
import { idSchema, sha256Schema, instantSchema } from '../ids.ts';
import { imageFormats, imageQualities } from '../image-query.ts';
import { lateralities, lateralitySources } from '../laterality.ts';

export const storageKinds = ['managed', 'in-place'] as const;

export const libraryImageSchema = z.object({
  id: idSchema,
  /** Of the original file's bytes; unique in the library. */
  sha256: sha256Schema,
  patientId: idSchema.nullable(),
  visitId: idSchema.nullable(),
  fileName: z.string(),
  /** Where the file came from; inside an archive as `archive.zip!/folder/file.jpg`. */
  originalPath: z.string(),
  storage: z.enum(storageKinds),
  /** Relative to the library folder; null for an image kept in place. */
  managedPath: z.string().nullable(),
  /**
   * Lossless 8-bit PNG of a format that ordinary decoders cannot read (DICOM, BMP, HEIC), relative to the
   * library folder; null when the original can be read as it is.
   */
  renderingPath: z.string().nullable(),
  bytes: z.int().positive(),
  format: z.enum(imageFormats),
  /** Pixels, after EXIF orientation. */
  width: z.int().positive(),
  height: z.int().positive(),
  /** Bits per sample as stored. */
  bitDepth: z.int().positive(),
  /** Frames or pages in the file; only the first is shown. */
  frames: z.int().positive(),
  laterality: z.enum(lateralities),
  lateralitySource: z.enum(lateralitySources),
  /** DICOM modality such as OP; empty when not known. */
  modality: z.string(),
  /** Local time of the camera, `2024-02-29T10:00:00`, or a date alone. */
  capturedAt: z.string().nullable(),
  camera: z.string().nullable(),
  quality: z.enum(imageQualities).nullable(),
  note: z.string(),
  /** What the import said aloud about this file, as reason codes with details. */
  remarks: z.array(z.string()),
  sopInstanceUid: z.string().nullable(),
  traceCount: z.int().nonnegative(),
  importedAt: instantSchema,
});

/** An image as the grid shows it. */
export const imageCardSchema = libraryImageSchema
  .pick({
    id: true,
    sha256: true,
    patientId: true,
    visitId: true,
    fileName: true,
    format: true,
    width: true,
    height: true,
    laterality: true,
    lateralitySource: true,
    modality: true,
    capturedAt: true,
    quality: true,
    traceCount: true,
  })
  .extend({ patientCode: z.string().nullable() });

export type LibraryImage = z.infer<typeof libraryImageSchema>;
export type ImageCard = z.infer<typeof imageCardSchema>;
