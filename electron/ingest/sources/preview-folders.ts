import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { FolderPreview } from '../../contract/imports/import-preview.ts';
import { lateralityFromFileName } from '../../contract/laterality.ts';
import { applyFolderRule, readFolderDate } from './folder-rule.ts';
import type { FolderRule } from './folder-rule.ts';

/** A file as the import will see it: the folders between the imported one and the file, outermost first, and its name. */
export interface PlacedFile {
  readonly folders: readonly string[];
  readonly name: string;
}

const shownNames = 4;
const shownPatients = 200;
const pictures = /\.(?:jpe?g|png|tiff?|bmp|webp|gif|heic|heif|avif|jp2|dcm|dicom)$/i;
/** DICOM files often have no ending, or one that is a number of their identifier. */
const dicomNames = /^(?:[^.]+|[\d.]+)$/;

/** Whether a name looks like a photograph's; contents are looked at by the import alone. */
function isPicture(name: string): boolean {
  return !name.startsWith('.') && (pictures.test(name) || dicomNames.test(name));
}

/**
 * Files below the given ones that look like photographs, in the order of the file system.
 *
 * @throws what the file system says of a source that cannot be read
 */
export async function findPictures(sources: readonly string[]): Promise<PlacedFile[]> {
  const found: PlacedFile[] = [];
  const walk = async (folder: string, folders: readonly string[]): Promise<void> => {
    for (const entry of await readdir(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) await walk(path.join(folder, entry.name), [...folders, entry.name]);
      else if (entry.isFile() && isPicture(entry.name)) found.push({ folders, name: entry.name });
    }
  };
  for (const source of sources) {
    if ((await stat(source)).isDirectory()) await walk(source, []);
    else if (isPicture(path.basename(source))) found.push({ folders: [], name: path.basename(source) });
  }
  return found;
}

/** The same from paths with slashes, as a browser names them. */
export function placePaths(paths: readonly string[]): PlacedFile[] {
  return paths
    .map((text) => text.split('/').filter((part) => part !== ''))
    .filter((parts) => isPicture(parts.at(-1) ?? ''))
    .map((parts) => ({ folders: parts.slice(0, -1), name: parts.at(-1)! }));
}

/**
 * The rule that the names suggest: the outermost level whose names are all dates holds visits, and the level above it
 * patients. Without dates nothing is suggested, since folders may as well be grades or cameras.
 */
export function suggestFolderRule(files: readonly PlacedFile[]): FolderRule {
  const levels = namesByLevel(files);
  const visit = levels.findIndex((names) => [...names].every((name) => readFolderDate(name) !== null));
  if (visit < 1) return [];
  return levels
    .slice(0, visit + 1)
    .map((_, level) => (level === visit ? 'visit' : level === visit - 1 ? 'patient' : '*'));
}

/** What an import by this rule would make of the files, as far as their names and folders say. */
export function previewFolders(files: readonly PlacedFile[], rule: FolderRule): FolderPreview {
  const patients = new Map<string, { visits: Map<string, string>; images: number; eyes: Eyes }>();
  const eyes: Eyes = { right: 0, left: 0, both: 0, unknown: 0 };
  let withoutPatient = 0;
  let withoutVisit = 0;
  for (const { folders, name } of files) {
    const eye = eyeOf(name);
    eyes[eye] += 1;
    const { patient, visit } = applyFolderRule(rule, folders);
    if (visit === null) withoutVisit += 1;
    if (patient === null) {
      withoutPatient += 1;
      continue;
    }
    const entry = patients.get(patient.code) ?? {
      visits: new Map<string, string>(),
      images: 0,
      eyes: { right: 0, left: 0, both: 0, unknown: 0 },
    };
    patients.set(patient.code, entry);
    entry.images += 1;
    entry.eyes[eye] += 1;
    if (visit !== null) entry.visits.set(visit.key, visit.date ?? visit.label);
  }
  const ordered = [...patients].sort(([a], [b]) => a.localeCompare(b, undefined, { numeric: true }));
  return {
    files: files.length,
    levels: namesByLevel(files).map((names) => ({
      count: names.size,
      names: [...names].slice(0, shownNames),
    })),
    folderRule: rule.length === 0 ? 'none' : rule.join('/'),
    eyes,
    patientCount: patients.size,
    visitCount: ordered.reduce((sum, [, { visits }]) => sum + visits.size, 0),
    withoutPatient,
    withoutVisit,
    patients: ordered.slice(0, shownPatients).map(([code, { visits, ...entry }]) => ({
      code,
      visits: [...visits.values()].sort(),
      ...entry,
    })),
  };
}

type Eyes = FolderPreview['eyes'];

function eyeOf(name: string): keyof Eyes {
  const { laterality } = lateralityFromFileName(name);
  return ({ R: 'right', L: 'left', B: 'both', unknown: 'unknown' } as const)[laterality];
}

function namesByLevel(files: readonly PlacedFile[]): Set<string>[] {
  const levels: Set<string>[] = [];
  for (const { folders } of files) {
    folders.forEach((name, level) => (levels[level] ??= new Set()).add(name));
  }
  return levels;
}
