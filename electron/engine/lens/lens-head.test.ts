import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRows } from '../weights/tensor-reader.ts';
import { openCheckpoint, type Checkpoint } from '../checkpoint/open-checkpoint.ts';
import { cpuTarget } from '../graph/graph-target.ts';
import { compileGraphs } from '../model/load-model.ts';
import { numTokens } from '../model/model.ts';
import { checkpointFolder } from '../testing/reference-fixtures.ts';
import { ResidentSession, type GraphRunner } from '../runtime/resident-session.ts';
import { LensHead, type ConceptTokens } from './lens-head.ts';
import { plainLensOf } from './lens.ts';
import { readLens } from './read-lens.ts';

const numLayers = 5;
const numPositions = 7;
const concepts: ConceptTokens = Array.from({ length: 11 }, (_, c) =>
  Array.from({ length: 1 + (c % 4) }, (_, i) => 37 * c + 5 * i),
);

let checkpoint: Checkpoint;
let onHost: LensHead;
let inGraph: LensHead;
const sessions: ResidentSession[] = [];

function openHead(rankSlots: number, maxBufferBytes = Infinity): LensHead {
  const { head, slices } = compileGraphs(checkpoint, { ...cpuTarget, rankSlots, maxBufferBytes });
  const source = { graph: head, weightsFolder: checkpoint.weights.folder, provider: 'cpu' } as const;
  const session = new ResidentSession(source, { staysLoaded: true });
  sessions.push(session);
  return new LensHead(session, {
    numTokens: numTokens(checkpoint),
    dModel: checkpoint.config.decoder.dModel,
    slices,
    chunkBytes: 2 ** 26,
    rankSlots,
  });
}

beforeAll(async () => {
  checkpoint = await openCheckpoint(checkpointFolder('qwen2-5-vl-tied-bf16'));
  onHost = openHead(0);
  inGraph = openHead(4);
});
afterAll(async () => {
  for (const session of sessions) await session.release();
});

function randomResidual(): Float32Array[] {
  const { dModel } = checkpoint.config.decoder;
  let state = 1;
  const next = () => ((state = (state * 48271) % 2147483647) / 2147483647 - 0.5) * 6;
  return Array.from({ length: numLayers }, () => Float32Array.from({ length: numPositions * dModel }, next));
}

/** The definitions of docs/lens.md in float64, one row at a time. */
function readNaively(row: Float32Array, finalRow: Float32Array) {
  const { dModel, rmsNormEps } = checkpoint.config.decoder;
  const gain = readRows({ ...checkpoint.weights.view('model.norm.weight'), shape: [1, dModel] }, [0]);
  const tokens = Array.from({ length: onHost.numTokens }, (_, id) => id);
  const unembedding = readRows(checkpoint.weights.view(checkpoint.unembedding), tokens);
  const logProbs = (state: Float32Array) => {
    const meanSquare = state.reduce((sum, value) => sum + value ** 2, 0) / dModel;
    const normed = Array.from(state, (value, d) => (value * gain[d]!) / Math.sqrt(meanSquare + rmsNormEps));
    const logits = tokens.map((id) =>
      normed.reduce((sum, value, d) => sum + value * unembedding[id * dModel + d]!, 0),
    );
    const top = Math.max(...logits);
    const logSumExp = top + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - top), 0));
    return logits.map((logit) => logit - logSumExp);
  };
  const p = logProbs(row);
  const q = logProbs(finalRow);
  return {
    entropy: -p.reduce((sum, value) => sum + Math.exp(value) * value, 0),
    klToFinal: q.reduce((sum, value, id) => sum + Math.exp(value) * (value - p[id]!), 0),
    best: Math.max(...p),
    logProb: (ids: readonly number[]) => Math.log(ids.reduce((sum, id) => sum + Math.exp(p[id]!), 0)),
    rank: (ids: readonly number[]) =>
      1 + p.filter((value) => value > Math.max(...ids.map((id) => p[id]!))).length,
  };
}

describe('the lens head', () => {
  it('gives the definitions of docs/lens.md, computed in float64', async () => {
    const residual = randomResidual();
    const { dModel } = checkpoint.config.decoder;
    const cells = await readLens(onHost, residual, { lens: plainLensOf.logit, topK: 5, concepts }, {});
    for (let layer = 0; layer < numLayers; layer++) {
      for (let position = 0; position < numPositions; position++) {
        const at = (stream: Float32Array) => stream.slice(position * dModel, (position + 1) * dModel);
        const expected = readNaively(at(residual[layer]!), at(residual.at(-1)!));
        const cell = layer * numPositions + position;
        expect(cells.entropy[cell]).toBeCloseTo(expected.entropy, 4);
        expect(cells.klToFinal[cell]).toBeCloseTo(expected.klToFinal, 4);
        expect(cells.topLogProbs[cell * 5]).toBeCloseTo(expected.best, 4);
        concepts.forEach((ids, concept) => {
          expect(cells.conceptLogProbs[concept]![cell]).toBeCloseTo(expected.logProb(ids), 4);
          expect(cells.conceptRanks[concept]![cell]).toBe(expected.rank(ids));
        });
      }
    }
  });

  it('is zero nats from itself at the last layer', async () => {
    const cells = await readLens(
      onHost,
      randomResidual(),
      { lens: plainLensOf.logit, topK: 1, concepts },
      {},
    );
    expect([...cells.klToFinal.slice(-numPositions)]).toEqual(Array(numPositions).fill(0));
  });

  it('counts the same ranks in the graph as on the host', async () => {
    const residual = randomResidual();
    const options = { lens: plainLensOf.logit, topK: 3, concepts } as const;
    const host = await readLens(onHost, residual, options, {});
    const graph = await readLens(inGraph, residual, options, {});
    expect(graph.conceptRanks).toEqual(host.conceptRanks);
    expect(graph.conceptLogProbs).toEqual(host.conceptLogProbs);
    expect(graph.topIds).toEqual(host.topIds);
  });

  it('multiplies the unembedding once for a chunk, however many concepts are read', async () => {
    const { slices } = compileGraphs(checkpoint, { ...cpuTarget, rankSlots: 4 });
    const compile = (rankSlots: number) => compileGraphs(checkpoint, { ...cpuTarget, rankSlots }).head;
    const source = { weightsFolder: checkpoint.weights.folder, provider: 'cpu' } as const;
    const session = new ResidentSession({ ...source, graph: compile(4) }, { staysLoaded: true });
    sessions.push(session);
    let runs = 0;
    const grown: number[] = [];
    const counting: GraphRunner = {
      run: (...work) => ((runs += 1), session.run(...work)),
      rest: () => session.rest(),
      release: () => session.release(),
    };
    const head = new LensHead(counting, {
      ...{ numTokens: numTokens(checkpoint), dModel: checkpoint.config.decoder.dModel, slices, rankSlots: 4 },
      chunkBytes: 2 ** 26,
      grow: (rankSlots) => (grown.push(rankSlots), session.replace(compile(rankSlots))),
    });
    const residual = randomResidual();
    for (const [set, expected] of [
      [concepts.slice(0, 4), { runs: 1, grown: [] }],
      [concepts, { runs: 2, grown: [16] }],
      [concepts.slice(2, 7), { runs: 3, grown: [16] }],
    ] as const) {
      const options = { lens: plainLensOf.logit, topK: 3, concepts: set } as const;
      const found = await readLens(head, residual, options, {});
      expect({ runs, grown }).toEqual(expected);
      const host = await readLens(onHost, residual, options, {});
      expect(found.conceptRanks).toEqual(host.conceptRanks);
      expect(found.conceptLogProbs).toEqual(host.conceptLogProbs);
    }
  });

  it.each([0, 4])(
    'gives the same numbers in slices of the vocabulary, %i ranks in the graph',
    async (slots) => {
      const residual = randomResidual();
      const { dModel } = checkpoint.config.decoder;
      // 90 tokens a buffer: fewer than the tokens kept, so that no slice has enough of them.
      const sliced = openHead(slots, 4 * dModel * 90);
      const options = { lens: plainLensOf.logit, topK: 100, concepts } as const;
      const whole = await readLens(onHost, residual, options, {});
      const parts = await readLens(sliced, residual, options, {});
      expect(parts.topIds).toEqual(whole.topIds);
      expect(parts.conceptRanks).toEqual(whole.conceptRanks);
      for (const name of ['topLogProbs', 'entropy', 'klToFinal'] as const) {
        parts[name].forEach((value, index) => expect(value).toBeCloseTo(whole[name][index]!, 4));
      }
      parts.conceptLogProbs.forEach((values, concept) =>
        values.forEach((value, cell) => expect(value).toBeCloseTo(whole.conceptLogProbs[concept]![cell]!, 4)),
      );
      const rows = residual[0]!.subarray(0, 2 * dModel);
      const [a, b] = [await onHost.unembed(rows, [false, true]), await sliced.unembed(rows, [false, true])];
      b.forEach((value, index) => expect(value).toBeCloseTo(a[index]!, 4));
    },
  );

  it('gives the same numbers whatever the chunk', async () => {
    const residual = randomResidual();
    const { dModel } = checkpoint.config.decoder;
    const options = { lens: plainLensOf.logit, topK: 3, concepts } as const;
    const whole = await readLens(onHost, residual, options, {});
    for (let position = 0; position < numPositions; position++) {
      const one = residual.map((stream) => stream.slice(position * dModel, (position + 1) * dModel));
      const part = await readLens(onHost, one, options, {});
      part.entropy.forEach((value, layer) => {
        expect(value).toBeCloseTo(whole.entropy[layer * numPositions + position]!, 5);
      });
    }
  });
});
