import { z } from 'zod';

/** How folder names become patients and visits. */
export const folderRules = ['none', 'patient', 'patient/visit'] as const;

/** What a person decides before an import. */
export const importChoicesSchema = z.strictObject({
  /** `managed` copies originals into the library; `in-place` only remembers where they are. */
  storage: z.enum(['managed', 'in-place']).default('managed'),
  /** Which folder levels below a chosen folder name the patient and the visit. */
  folderRule: z.enum(folderRules).default('none'),
  /** CSV file that names patient, eye, visit, tags and findings of files; null looks for `manifest.csv` beside them. */
  manifest: z.string().min(1).nullable().default(null),
  /** Put on every imported image. */
  tags: z.array(z.string().trim().min(1).max(100)).max(50).default([]),
});

export type ImportChoices = z.infer<typeof importChoicesSchema>;
