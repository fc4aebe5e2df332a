import { useI18n } from 'vue-i18n';
import type { DrawnShape } from '../../../electron/protocol/geometry/drawing.ts';
import { areaOf } from '../../../electron/protocol/geometry/shapes.ts';
import type { ProtocolSchema } from '../../../electron/protocol/schema.ts';
import type { ProtocolLanguage } from '../../../electron/protocol/schema-format.ts';
import { useFormat } from '../../locales/use-format.ts';

/** Names of what is drawn, in the language of the interface; those of lesions stand in the protocol's schema. */
export function useShapeNames(schema: () => ProtocolSchema) {
  const { t, locale } = useI18n();
  const format = useFormat();

  function kind(of: string): string {
    return schema().fields.get(of)?.title[locale.value as ProtocolLanguage] ?? t(`drawing.kinds.${of}`);
  }

  /** Several of a kind are numbered. */
  function shape(shapes: readonly DrawnShape[], index: number): string {
    const { of } = shapes[index]!;
    const same = shapes.flatMap((each, at) => (each.of === of ? [at] : []));
    return same.length === 1 ? kind(of) : `${kind(of)} ${same.indexOf(index) + 1}`;
  }

  function size({ shape: drawn }: DrawnShape): string {
    if (drawn.kind !== 'point') return `${format.value.integer(areaOf(drawn))} px²`;
    return drawn.at.map((at) => format.value.integer(at)).join('; ');
  }

  return { kind, shape, size };
}
