import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { ConceptSet } from '../lens-trace/concept-set.ts';
import type { EngineTraceRequest } from '../stages/engine-trace-request.ts';
import { readSafetensorsHeader, type TensorView } from '../weights/safetensors.ts';

/** For tests: the tiny checkpoints and the numbers that models/reference/make_fixtures.py stored for them. */
export const fixturesFolder = path.resolve(import.meta.dirname, '../../../data/fixtures');
export const fixtureNames = readdirSync(path.join(fixturesFolder, 'checkpoints')).sort();

export interface ReferenceCase {
  readonly id: string;
  readonly file: string;
  readonly image: string;
  readonly prompt: string;
  readonly resized: [number, number];
  readonly grid: [number, number, number];
  readonly imageSpan: [number, number];
  readonly generatedText: string;
  readonly stoppedByEos: boolean;
}

export function checkpointFolder(name: string): string {
  return path.join(fixturesFolder, 'checkpoints', name);
}

export function referenceCases(name: string): ReferenceCase[] {
  const file = path.join(fixturesFolder, 'reference', name, 'cases.json');
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: ReferenceCase[] }).cases;
}

/** Every tensor of a reference file as numbers, with its shape. */
export async function readTensors(
  file: string,
): Promise<Map<string, { shape: readonly number[]; data: number[] }>> {
  const bytes = readFileSync(file);
  const views = await readSafetensorsHeader(file);
  return new Map([...views].map(([name, view]) => [name, { shape: view.shape, data: decode(bytes, view) }]));
}

function decode(bytes: Buffer, { dtype, offset, byteLength }: TensorView): number[] {
  const part = bytes.buffer.slice(bytes.byteOffset + offset, bytes.byteOffset + offset + byteLength);
  switch (dtype) {
    case 'F32':
      return Array.from(new Float32Array(part));
    case 'I32':
      return Array.from(new Int32Array(part));
    case 'I64':
      return Array.from(new BigInt64Array(part), Number);
    case 'U8':
      return Array.from(new Uint8Array(part));
    default:
      throw new TypeError(`the fixtures hold no ${dtype}`);
  }
}

/** A small concept set that the fixtures' tokenizer knows. */
export const fixtureConcepts: ConceptSet = {
  schema: 'fundus-lens.concept-set/1',
  id: 'fixture',
  title: { en: 'Fixture', ru: 'Проба' },
  concepts: [
    {
      id: 'retina',
      label: { en: 'Retina', ru: 'Сетчатка' },
      role: 'target',
      forms: { en: ['retina', 'fundus'] },
    },
    { id: 'eye', label: { en: 'Eye', ru: 'Глаз' }, role: 'target', forms: { en: ['eye'], ru: ['глаз'] } },
    { id: 'text', label: { en: 'Text', ru: 'Текст' }, role: 'control', forms: { en: ['text'] } },
  ],
};

/** A request on a fixture checkpoint, to be varied. */
export function fixtureRequest(name: string, changes: Partial<EngineTraceRequest> = {}): EngineTraceRequest {
  return {
    modelDir: checkpointFolder(name),
    imagePath: path.join(fixturesFolder, 'images/square-112x112.png'),
    prompt: 'Describe this image. Answer with one word.',
    lens: 'logit',
    positions: 'last',
    topK: 10,
    conceptSet: fixtureConcepts,
    provider: 'cpu',
    generate: 0,
    traceGenerated: false,
    controls: null,
    dumpPath: null,
    ...changes,
  };
}
