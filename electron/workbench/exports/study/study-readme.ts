/** One trace of a study with what repeats it; files are named relative to the archive. */
export interface StudyItem {
  readonly traceFile: string;
  readonly imageFile: string | null;
  readonly conceptSetFile: string | null;
  readonly modelSha256: string;
  readonly imageSha256: string | null;
  readonly prompt: string;
  readonly lens: string;
  /** Of a fitted lens's file. */
  readonly lensSha256: string | null;
  readonly positions: readonly number[];
  /** null where only the model's own limit held. */
  readonly maxPixels: number | null;
  readonly topK: number;
  readonly generate: number;
  readonly provider: string;
  readonly patient: string | null;
  readonly eye: string | null;
  readonly date: string | null;
  readonly findings: readonly string[];
}

interface Study {
  readonly title: string;
  readonly software: { readonly name: string; readonly version: string };
  readonly deidentified: boolean;
  readonly models: readonly { readonly name: string; readonly sha256: string }[];
  readonly items: readonly StudyItem[];
}

/** How to read the archive and to repeat its traces. */
export function studyReadme({ title, software, deidentified, models, items }: Study): string {
  const stripped = deidentified
    ? `\`DEIDENTIFICATION.md\` says what was replaced, what was removed, and what was left in and why. Hashes of photographs
are those of the files in this archive; prompts that were removed have to be put in the place of PROMPT.`
    : 'Photographs, codes and dates are as in the library.';
  return `# ${title === '' ? 'Study' : title}

Made by ${software.name} ${software.version}, research software and no medical device.

- \`study.json\`: every trace with its photograph, model, prompt and settings
- \`traces/\`: whole traces, schema \`fundus-lens.trace/1\`; log-probabilities and entropies in nats
- \`images/\`: the photographs, where they were included
- \`concept-sets/\`: the concepts that were followed
- \`SHA256SUMS\`: check with \`sha256sum -c SHA256SUMS\`

${stripped}

## Models

Weights are not part of the archive. A folder is the same model when \`fundus-lens inspect FOLDER\` states the same hash.

${models.map(({ name, sha256 }) => `- ${name}: \`${sha256}\``).join('\n')}

## To repeat

\`\`\`sh
${items.slice(0, 200).map(toCommand).join('\n')}
\`\`\`
${items.length > 200 ? `\nThe first 200 of ${items.length}; the others follow from study.json.\n` : ''}`;
}

function toCommand(item: StudyItem): string {
  const positions = item.positions.length > 40 ? 'all' : item.positions.join(',');
  return [
    'fundus-lens trace',
    item.imageFile === null ? '--no-image' : quote(item.imageFile),
    '--model MODEL_FOLDER',
    `--prompt ${item.prompt === '' ? 'PROMPT' : quote(item.prompt)}`,
    `--lens ${item.lens}${item.lensSha256 === null ? '' : `:LENS_FILE_${item.lensSha256.slice(0, 12)}`}`,
    `--positions ${positions}`,
    ...(item.maxPixels === null ? [] : [`--max-pixels ${item.maxPixels}`]),
    `--top-k ${item.topK}`,
    ...(item.generate === 0 ? [] : [`--generate ${item.generate}`]),
    ...(item.conceptSetFile === null ? [] : [`--concepts ${quote(item.conceptSetFile)}`]),
    `--provider ${item.provider}`,
    `--json ${quote(item.traceFile.replace(/^traces\//, 'repeated-'))}`,
  ].join(' ');
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
