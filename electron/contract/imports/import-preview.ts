import { z } from 'zod';
import { count } from '../ids.ts';

const eyes = z.object({ right: count, left: count, both: count, unknown: count });

/** What folders and file names say before an import; DICOM and a manifest are read by the import and say more. */
export const folderPreviewSchema = z.object({
  /** Files that look like photographs. */
  files: count,
  /** Folders by depth, outermost first: how many names there are, and some of them. */
  levels: z.array(z.object({ count, names: z.array(z.string()) })),
  /** The rule that was applied. */
  folderRule: z.string(),
  eyes,
  patientCount: count,
  visitCount: count,
  withoutPatient: count,
  withoutVisit: count,
  /** The first ones in natural order of their codes. */
  patients: z.array(z.object({ code: z.string(), visits: z.array(z.string()), images: count, eyes })),
});

export type FolderPreview = z.infer<typeof folderPreviewSchema>;
