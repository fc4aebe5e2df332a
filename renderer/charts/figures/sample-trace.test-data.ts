import type { ConceptTrace, LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';

const numLayers = 5;
const numPositions = 7;
const topK = 2;

/** A small trace with round numbers: a grid of 3 × 2 image tokens at positions 1…6, and the answer at 7. */
export function sampleTrace(): LensTrace {
  const cells = numLayers * numPositions;
  const residualNorm = new Float32Array(cells).fill(1);
  residualNorm[2 * numPositions + 4] = 50;
  const topIds = Int32Array.from({ length: cells * topK }, (_, at) =>
    at % topK === 0 ? Math.floor(at / topK / numPositions) : 9,
  );
  const topLogProbs = Float32Array.from({ length: cells * topK }, (_, at) =>
    Math.log(at % topK === 0 ? 0.6 : 0.2),
  );
  const entropy = Float32Array.from({ length: cells }, (_, at) => 5 - Math.floor(at / numPositions));
  const klToFinal = Float32Array.from({ length: cells }, (_, at) => 8 - 2 * Math.floor(at / numPositions));
  return {
    schema: 'fundus-lens.trace/1',
    model: {
      id: 'tiny',
      family: 'qwen2_vl',
      sha256: 'a'.repeat(64),
      numLayers: 4,
      dModel: 8,
      vocabSize: 10,
      tokenizerSize: 10,
      weightDtype: 'F32',
      provider: 'cpu',
      providerRequested: 'auto',
      providerFallback: null,
    },
    image: { sha256: 'b'.repeat(64), width: 90, height: 60, resized: [84, 56], grid: [1, 4, 6] },
    prompt: {
      text: 'What is this?',
      rendered: '',
      tokenIds: Array.from({ length: 8 }, (_, id) => id),
      imageSpan: [1, 7],
      leaks: [],
    },
    lens: 'logit',
    positions: [1, 2, 3, 4, 5, 6, 7],
    layers: [0, 1, 2, 3, 4],
    topK,
    cells: { topIds, topLogProbs, entropy, klToFinal, residualNorm },
    tokenTexts: { 0: ' eye', 1: 'Ret', 2: '<b>', 3: '\n', 4: 'macula', 9: ',"' },
    concepts: [concept('eye', 'target', 0.1, 3), concept('cat', 'control', 0.3, null)],
    controls: [],
    generated: { ids: [1], text: 'Retina', ended: true },
    gate: { maxAbsDiff: 1e-6, tolerance: 1e-2 },
    timings: { load: 1, image: 1, vision: 1, decoder: 1, controls: 0, lens: 1, generate: 1, total: 6 },
    software: { name: 'fundus-lens', version: '0.1.0', onnxruntime: '1', node: '24', platform: 'test' },
    warnings: [],
  };
}

function concept(
  id: string,
  role: 'target' | 'control',
  probability: number,
  emergence: number | null,
): ConceptTrace {
  const cells = numLayers * numPositions;
  return {
    id,
    label: { en: id, ru: id },
    role,
    tokens: [],
    logProb: Float32Array.from({ length: cells }, (_, at) =>
      Math.log(probability * (1 + Math.floor(at / numPositions)) * 0.5),
    ),
    rank: new Int32Array(cells).fill(3),
    emergence: {
      maxRank: 10,
      controlLogOdds: null,
      imageControlLogOdds: null,
      layers: Array.from({ length: numPositions }, () => emergence),
    },
  };
}
