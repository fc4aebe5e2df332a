import { z } from 'zod';

/** What a person decides before an import. */
export const importChoicesSchema = z.strictObject({
  /** `managed` copies originals into the library; `in-place` only remembers where they are. */
  storage: z.enum(['managed', 'in-place']).default('managed'),
  /** What the folder levels below a chosen folder name, outermost first; `*` is a level without meaning. */
  folderRule: z
    .string()
    .regex(/^(?:none|(?:patient|visit|\*)(?:\/(?:patient|visit|\*))*)$/)
    .default('none'),
  /** CSV file that names patient, eye, visit, tags and findings of files; null looks for `manifest.csv` beside them. */
  manifest: z.string().min(1).nullable().default(null),
  /** Put on every imported image. */
  tags: z.array(z.string().trim().min(1).max(100)).max(50).default([]),
});

export type ImportChoices = z.infer<typeof importChoicesSchema>;
