import { answerIndex } from '../../../engine/lens-trace/reading.ts';
import { findSubject } from '../../../engine/lens-trace/concept-set.ts';
import type { LensTrace } from '../../../engine/lens-trace/lens-trace.ts';
import type { Library } from '../../../store/library/library.ts';

/** Tokens of a layer that are kept; the experiment's tables show no more. */
const mostTokens = 5;

interface DigestToken {
  readonly id: number;
  readonly text: string;
  readonly probability: number;
}

/** What a concept came to in one photograph. */
export interface DigestConcept {
  readonly id: string;
  readonly label: { readonly en: string; readonly ru: string };
  readonly role: 'target' | 'control';
  readonly state: 'readable' | 'not-readable' | 'not-asked' | 'not-identifiable';
  /** From which layer on; null for never, and where it was not asked. */
  readonly layer: number | null;
  /** By layer, of whole words, nats; null in traces that read first tokens only. */
  readonly logOdds: Float32Array | null;
  /** By layer, the highest control; null without controls. */
  readonly controls: readonly number[] | null;
  readonly numControls: number | null;
}

/** What an experiment needs of one trace, where the answer begins: little enough to hold thousands of them. */
export interface Digest {
  readonly traceId: number;
  readonly layers: readonly number[];
  /** By layer, best first. */
  readonly tokens: readonly (readonly DigestToken[])[];
  readonly concepts: readonly DigestConcept[];
  readonly subject: string | null;
  readonly leaks: readonly string[];
  readonly provider: string;
  readonly weightDtype: string;
  readonly onnxruntime: string;
  readonly softwareVersion: string;
}

/** Some 25 kB each. */
const mostKept = 2000;
/** By library and trace: what is stored of a trace never changes. */
const kept = new WeakMap<Library, Map<number, Digest>>();

/** Reads a trace, unless it was read before: results are asked for again whenever a trace of a running experiment is done. */
export function readDigest(library: Library, traceId: number): Digest {
  const known = kept.get(library) ?? new Map<number, Digest>();
  kept.set(library, known);
  const digest = known.get(traceId) ?? digestTrace(traceId, library.traces.get(traceId));
  // The last used last.
  known.delete(traceId);
  known.set(traceId, digest);
  const [oldest] = known.keys();
  if (known.size > mostKept && oldest !== undefined) known.delete(oldest);
  return digest;
}

function digestTrace(traceId: number, trace: LensTrace): Digest {
  const { cells, topK, positions, tokenTexts } = trace;
  const place = answerIndex(trace);
  return {
    traceId,
    layers: trace.layers,
    tokens: trace.layers.map((_, layer) => {
      const cell = layer * positions.length + place;
      return Array.from({ length: Math.min(mostTokens, topK) }, (_unused, rank) => {
        const id = cells.topIds[cell * topK + rank]!;
        return {
          id,
          text: tokenTexts[id] ?? '',
          probability: Math.exp(cells.topLogProbs[cell * topK + rank]!),
        };
      });
    }),
    concepts: trace.concepts.map(({ id, label, role, words, finding, emergence }) => ({
      ...{ id, label, role },
      state: finding?.state ?? 'not-asked',
      layer: finding?.state === 'readable' ? finding.layer : null,
      logOdds: words?.logOdds ?? null,
      controls: emergence.controlLogOdds,
      numControls: finding !== undefined && 'numControls' in finding ? finding.numControls : null,
    })),
    subject: findSubject(trace),
    leaks: trace.prompt.leaks,
    provider: trace.model.provider,
    weightDtype: trace.model.weightDtype,
    onnxruntime: trace.software.onnxruntime,
    softwareVersion: trace.software.version,
  };
}
