import type { Deidentify } from '../../../contract/exports.ts';

/** What was done to an archive, what was left in, and why; after the basic profile of DICOM PS3.15, annex E. */
export function deidentificationReport(
  { keep = [], shiftDays }: Deidentify,
  includesImages: boolean,
): string {
  const kept = (what: 'prompts' | 'findings', text: string, removed: string) =>
    keep.includes(what) ? `- ${text}: left in, because the person who exported asked for it` : `- ${removed}`;
  return `# De-identification

After the Basic Application Level Confidentiality Profile of DICOM PS3.15, annex E, as far as it applies to what this
software stores. The codes and shifts were drawn at random for this archive and are kept nowhere.

## Replaced

- patient codes: by random codes, the same for all photographs of one patient
- dates of visits and photographs: moved back by a random number of days from 1 to ${shiftDays}, the same for one patient, so that
  intervals stay (Retain Longitudinal Temporal Information With Modified Dates)
- numbers of traces and photographs: counted anew in this archive
- hashes of photographs: by the hash of the file in this archive${includesImages ? '' : ', or by a random value, as no photographs are in it'}

## Removed

- names, birth dates, notes, tags, file names and paths, labels of visits, DICOM UIDs
- camera, computer and graphics card; warnings, which may quote any of these
- metadata of photographs: EXIF, XMP, IPTC and colour profiles; the pixels were converted to sRGB
${kept('prompts', 'prompts and answers', 'prompts and answers, with the tokens of their texts')}
${kept('findings', 'findings', 'findings, which are free text')}

## Left in

- eye, modality and sizes: needed to read the results, and shared by very many people
- sex, in tables of photographs: the same
- the title of this archive and the names of concept sets: written for this export and for the study, not about a patient;
  look through them
- the pixels: a fundus photograph can be compared with another of the same eye, and text that is burned into a picture is
  found by nobody but a person. The person who exported has confirmed to have looked
- numbers of the model, with its most probable tokens: at positions inside the prompt's text they suggest what the text was
  about, without repeating it
- name, version and hashes of the model and of the software: they say nothing about a patient
`;
}
