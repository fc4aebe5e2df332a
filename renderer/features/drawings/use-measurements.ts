import { computed } from 'vue';
import type { Laterality } from '../../../electron/contract/laterality.ts';
import type { Problem } from '../../../electron/contract/problem.ts';
import { checkDrawing, toDrawings, type DrawnShape } from '../../../electron/protocol/geometry/drawing.ts';
import { measureDrawings } from '../../../electron/protocol/geometry/measure.ts';
import { drawnSizes, type DrawnSizes } from '../../../electron/protocol/geometry/sizes.ts';
import { ProtocolError } from '../../../electron/protocol/protocol-error.ts';
import type { ProtocolSchema } from '../../../electron/protocol/schema.ts';

export interface Measurements {
  readonly sizes: DrawnSizes;
  /** Field of the protocol → what the drawing says of it. */
  readonly fields: ReadonlyMap<string, number>;
}

/** What a drawing comes to, at every change; or why it cannot be measured. */
export function useMeasurements(
  schema: () => ProtocolSchema,
  shapes: () => readonly DrawnShape[],
  laterality: () => Laterality,
) {
  const result = computed<Measurements | Problem>(() => {
    const eye = laterality() === 'R' ? 'OD' : laterality() === 'L' ? 'OS' : null;
    try {
      checkDrawing(schema(), shapes());
      const drawings = toDrawings(shapes(), eye);
      return { sizes: drawnSizes(drawings), fields: measureDrawings(schema(), drawings) };
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      return { code: 'protocol.invalid', summary: error.summary, ...error.details };
    }
  });
  return {
    measured: computed(() => ('sizes' in result.value ? result.value : null)),
    fault: computed(() => ('sizes' in result.value ? null : result.value)),
  };
}
