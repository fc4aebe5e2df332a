import { z } from 'zod';
import { ProtocolError } from '../protocol-error.ts';
import type { Protocol } from '../protocol.ts';
import { clearValue } from '../edit.ts';
import type { ProtocolSchema } from '../schema.ts';
import type { ProtocolField } from '../schema-format.ts';
import { enterMeasurements, measureDrawings, type Drawings } from './measure.ts';
import { checkOutline, type Outline, type Shape } from './shapes.ts';

/** The form of a drawing that this software writes and reads. */
export const drawingFormat = 'fundus-lens.drawing/1';

const coordinate = z.number().min(-1e6).max(1e6);
const pointSchema = z.tuple([coordinate, coordinate]).readonly();
const shapeSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('point'), at: pointSchema }),
  z.strictObject({
    kind: z.literal('ellipse'),
    centre: pointSchema,
    radii: pointSchema,
    rotation: z.number(),
  }),
  z.strictObject({ kind: z.literal('polygon'), points: z.array(pointSchema).max(20_000).readonly() }),
]);
export const drawnShapeSchema = z.strictObject({
  /** What was drawn: an id of {@link drawingKinds}. */
  of: z.string().max(100),
  shape: shapeSchema,
});
export const drawingFileSchema = z.strictObject({
  format: z.literal(drawingFormat),
  /** SHA-256 of the photograph's file. */
  image: z.string(),
  /** Pixels of the photograph, which all coordinates count. */
  width: z.int().positive(),
  height: z.int().positive(),
  observer: z.string(),
  shapes: z.array(drawnShapeSchema).max(2000),
});

/** One thing that was drawn on a photograph. */
export type DrawnShape = z.infer<typeof drawnShapeSchema>;
/** What one observer drew on one photograph. */
export type Drawing = z.infer<typeof drawingFileSchema>;
export type ShapeKind = Shape['kind'];

/** Something that can be drawn. */
export interface DrawingKind {
  readonly id: string;
  readonly shapes: readonly ShapeKind[];
  /** There is one of it in an eye. */
  readonly isSingle: boolean;
}

const outlines = ['ellipse', 'polygon'] as const;

/** Everything that can be drawn: structures of the eye, then the lesions that the schema measures. */
export function drawingKinds(schema: ProtocolSchema): readonly DrawingKind[] {
  const lesions = [...schema.fields.values()].flatMap(({ measure }) =>
    measure?.of === 'lesion' ? [measure.lesion] : [],
  );
  return [
    { id: 'disc', shapes: outlines, isSingle: true },
    { id: 'cup', shapes: outlines, isSingle: true },
    { id: 'fovea', shapes: ['point'], isSingle: true },
    { id: 'field', shapes: outlines, isSingle: true },
    { id: 'crossings', shapes: ['point'], isSingle: false },
    { id: 'arteries', shapes: ['polygon'], isSingle: false },
    { id: 'veins', shapes: ['polygon'], isSingle: false },
    ...[...new Set(lesions)].map((id) => ({
      id,
      shapes: ['polygon', 'ellipse', 'point'] as const,
      isSingle: false,
    })),
  ];
}

/**
 * Checks shapes before they are kept.
 *
 * @throws ProtocolError for something that cannot be drawn, a contour that crosses itself, or two optic discs
 */
export function checkDrawing(schema: ProtocolSchema, shapes: readonly DrawnShape[]): void {
  const kinds = new Map(drawingKinds(schema).map((kind) => [kind.id, kind]));
  const seen = new Set<string>();
  for (const { of, shape } of shapes) {
    const kind = kinds.get(of);
    if (kind === undefined) {
      throw new ProtocolError('This cannot be drawn.', {
        expected: [...kinds.keys()].join(', '),
        found: of,
      });
    }
    if (!kind.shapes.includes(shape.kind)) {
      throw new ProtocolError(`The drawing of "${of}" has a form that it cannot have.`, {
        expected: kind.shapes.join(' or '),
        found: shape.kind,
      });
    }
    if (kind.isSingle && seen.has(of)) {
      throw new ProtocolError(`"${of}" was drawn twice.`, { expected: 'one', found: 'two or more' });
    }
    seen.add(of);
    if (shape.kind !== 'point') checkOutline(shape, of);
  }
}

/** Shapes as measurements take them. */
export function toDrawings(shapes: readonly DrawnShape[], eye: 'OD' | 'OS' | null): Drawings {
  const one = (of: string) => shapes.find((each) => each.of === of)?.shape;
  const outline = (of: string): Outline | undefined => {
    const shape = one(of);
    return shape === undefined || shape.kind === 'point' ? undefined : shape;
  };
  const [disc, cup, field, fovea] = [outline('disc'), outline('cup'), outline('field'), one('fovea')];
  const lesions = Map.groupBy(
    shapes.filter(({ of }) => of.includes('.')),
    ({ of }) => of,
  );
  return {
    ...(disc === undefined ? {} : { disc }),
    ...(cup === undefined ? {} : { cup }),
    ...(field === undefined ? {} : { field }),
    ...(fovea?.kind === 'point' ? { fovea: fovea.at } : {}),
    ...(eye === null ? {} : { eye }),
    lesions: Object.fromEntries([...lesions].map(([id, drawn]) => [id, drawn.map(({ shape }) => shape)])),
  };
}

/**
 * Enters what follows from a drawing; a measured value that no drawing supports any more is taken away. What a person
 * entered by hand stays, unless `replaceManual` says that the drawing measures it better.
 *
 * @throws ProtocolError as {@link enterMeasurements}
 */
export function followDrawing(
  schema: ProtocolSchema,
  protocol: Protocol,
  drawings: Drawings,
  { replaceManual = false }: { readonly replaceManual?: boolean } = {},
): Protocol {
  const measured = measureDrawings(schema, drawings);
  const stale = Object.entries(protocol.values).filter(
    ([id, { source }]) =>
      source === 'measured' && schema.fields.get(id)?.measure !== undefined && !measured.has(id),
  );
  const kept = stale.reduce((edited, [id]) => clearValue(schema, edited, id), protocol);
  return enterMeasurements(schema, kept, drawings, { keepManual: !replaceManual });
}

/** What of a drawing belongs to a field of the protocol: where on the photograph its value can be seen. */
export function placesOf({ id, measure }: ProtocolField): readonly string[] {
  if (measure?.of === 'lesion') return [measure.lesion];
  if (measure?.of === 'cup-disc' || measure?.of === 'rim') return ['disc', 'cup'];
  if (measure?.of === 'disc') return ['disc'];
  if (id === 'vessels.crossings') return ['crossings'];
  if (id === 'macula.foveal-reflex') return ['fovea'];
  return id.startsWith('lesions.') ? [id] : [];
}
