import { z } from 'zod';
import { lateralities, lateralitySources } from './laterality.ts';

export const idSchema = z.int().positive();
/** Calendar date, `2024-02-29`. */
export const dateSchema = z.iso.date();
/** UTC instant, `2024-02-29T10:00:00.000Z`. */
export const instantSchema = z.iso.datetime();
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

export const sexes = ['F', 'M', 'O'] as const;
export const imageFormats = ['jpeg', 'png', 'tiff', 'webp', 'bmp', 'heic', 'dicom'] as const;
export const imageQualities = ['good', 'usable', 'poor'] as const;
export const storageKinds = ['managed', 'in-place'] as const;

export const patientSchema = z.object({
  id: idSchema,
  /** The code that a person sees; unique in the library. */
  code: z.string().min(1),
  name: z.string().nullable(),
  birthYear: z.int().min(1850).max(2200).nullable(),
  sex: z.enum(sexes).nullable(),
  note: z.string(),
  createdAt: instantSchema,
});

export const visitSchema = z.object({
  id: idSchema,
  patientId: idSchema,
  /** What makes the visit one of a kind for its patient: study UID, date or label. */
  key: z.string(),
  date: dateSchema.nullable(),
  label: z.string(),
  studyUid: z.string().nullable(),
  note: z.string(),
});

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

export const findingSources = ['user', 'manifest', 'dicom'] as const;
export const findingSchema = z.object({
  id: idSchema,
  imageId: idSchema,
  label: z.string().min(1),
  /** Grade or value in the author's words; null when the label says it all. */
  value: z.string().nullable(),
  source: z.enum(findingSources),
  note: z.string(),
  createdAt: instantSchema,
});

export const tagSchema = z.object({
  id: idSchema,
  name: z.string().min(1),
  imageCount: z.int().nonnegative(),
});

/** A cohort: a named set of images. */
export const groupSchema = z.object({
  id: idSchema,
  name: z.string().min(1),
  note: z.string(),
  imageCount: z.int().nonnegative(),
  createdAt: instantSchema,
});

export type Patient = z.infer<typeof patientSchema>;
export type Visit = z.infer<typeof visitSchema>;
export type LibraryImage = z.infer<typeof libraryImageSchema>;
export type ImageCard = z.infer<typeof imageCardSchema>;
export type Finding = z.infer<typeof findingSchema>;
export type Tag = z.infer<typeof tagSchema>;
export type Group = z.infer<typeof groupSchema>;
export type ImageFormat = (typeof imageFormats)[number];

/** Where a library keeps its parts; absolute paths. */
export interface LibraryPaths {
  readonly root: string;
  readonly database: string;
  /** Managed copies, `originals/ab/<sha256>.<ext>`. */
  readonly originals: string;
  /** Lossless PNG of DICOM, BMP and HEIC images. */
  readonly renderings: string;
  /** WebP views, a cache that can be deleted. */
  readonly thumbnails: string;
  /** Compressed arrays named by content hash. */
  readonly arrays: string;
  readonly backups: string;
  /** Files that are being written; on the same file system, so that a rename is atomic. */
  readonly temporary: string;
}
