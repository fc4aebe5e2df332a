import { z } from 'zod';

export const idSchema = z.int().positive();

/** Calendar date, `2024-02-29`. */
export const dateSchema = z.iso.date();

/** UTC instant, `2024-02-29T10:00:00.000Z`. */
export const instantSchema = z.iso.datetime();

export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/);

export const count = z.int().nonnegative();

export const byId = z.strictObject({ id: idSchema });

export const byIds = z.strictObject({ ids: z.array(idSchema).min(1).max(100_000) });

export const changed = z.object({ changed: count });

/** Opaque; tells the task from every other one, whatever its kind. */
export const taskIdSchema = z.string().min(1).max(500);

export const taskIdsSchema = z.strictObject({ ids: z.array(taskIdSchema).min(1).max(100_000) });

/** Beside what images belong to. */
export const withImageCount = { imageCount: count };
