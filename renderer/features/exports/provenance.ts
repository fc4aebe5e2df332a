import { describeDevice } from '../../../electron/engine/lens-trace/describe-device.ts';
import type { LensTrace } from '../../../electron/engine/lens-trace/lens-trace.ts';
import { nameLens } from '../../../electron/engine/lens-trace/name-lens.ts';

/** Everything that is needed to repeat a figure, in one line; the same words in every language. */
export function provenanceOf(trace: LensTrace): string {
  const { model, image, prompt, gate, software } = trace;
  return [
    `weights ${model.id} sha256:${model.sha256.slice(0, 12)}`,
    `dtype ${model.weightDtype}`,
    ...describeFidelity(model),
    `provider ${describeDevice(model)}${model.providerFallback === null ? '' : ' (fallback)'}`,
    image === null ? 'no image' : `image sha256:${image.sha256.slice(0, 12)}, grid ${image.grid.join('×')}`,
    `prompt "${prompt.text}"`,
    nameLens(trace, 'en'),
    `parity gate ${gate.maxAbsDiff.toExponential(1)} ≤ ${gate.tolerance.toExponential(0)}`,
    `${software.name} ${software.version}`,
  ].join(' · ');
}

/** Nothing of weights as they were published. */
function describeFidelity({ fidelity }: LensTrace['model']): string[] {
  if (fidelity === undefined) return [];
  if (fidelity === null) return ['weights not verified'];
  const share = (value: number) => `${(100 * value).toFixed(1)} %`;
  return [
    `same top token as the original weights ${share(fidelity.top1Agreement)}, worst layer ${share(fidelity.worstLayerTop1Agreement)}`,
  ];
}

/** One line for several traces. */
export function provenanceOfMany(traces: readonly LensTrace[]): string {
  return traces
    .map((trace, index) => `${String.fromCharCode(65 + index)}: ${provenanceOf(trace)}`)
    .join(' | ');
}
