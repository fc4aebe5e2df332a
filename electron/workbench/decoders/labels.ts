import type { LibraryImage } from '../../contract/images/library-image.ts';
import type { FieldKind } from '../../decoder/measure/heads.ts';
import type { FieldLabels } from '../../decoder/request/request.ts';
import { checkValue, type ProtocolValue } from '../../protocol/protocol.ts';
import { isCoded, isNumeric, valueSetOf } from '../../protocol/schema.ts';
import type { ProtocolField } from '../../protocol/schema-format.ts';
import type { Library } from '../../store/library/library.ts';
import { fundusSchema } from '../protocols/protocol-form.ts';
import { fundusQuestions } from './questions.ts';
import { openProtocol } from '../protocols/stored-protocols.ts';

/** What is known of one image, field by field; a field that is missing was not assessed. */
export type ImageLabels = Readonly<Record<string, ProtocolValue>>;

interface LabelChoice {
  /** Whose protocols; everyone's when left out, the newest where several say something. */
  readonly observer?: string | undefined;
  /** Whether findings and laterality count where no protocol says anything. */
  readonly findings: boolean;
}

/** Gathers what is known of an image from its protocols, findings, and laterality. */
export function labelsOf(
  library: Library,
  image: LibraryImage,
  { observer, findings }: LabelChoice,
): ImageLabels {
  const labels: Record<string, ProtocolValue> = {};
  if (findings) Object.assign(labels, labelsOfFindings(library, image));
  const versions = library.protocols
    .ofImage(image.id)
    .filter((version) => observer === undefined || version.observer === observer)
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt));
  for (const { id } of versions) {
    const { protocol } = openProtocol(library, id);
    for (const [field, { value, source }] of Object.entries(protocol.values)) {
      // What a decoder or a model said is no label for another decoder.
      if (value !== null && source !== 'decoder' && source !== 'model-answer') labels[field] = value;
    }
  }
  return labels;
}

function labelsOfFindings(library: Library, image: LibraryImage): Record<string, ProtocolValue> {
  const labels: Record<string, ProtocolValue> = {};
  if (image.laterality === 'R' || image.laterality === 'L')
    labels['header.eye'] = image.laterality === 'R' ? 'OD' : 'OS';
  for (const { label, value } of library.findings.ofImage(image.id)) {
    const entry = readFinding(label, value);
    if (entry !== null) labels[entry.field] = entry.value;
  }
  return labels;
}

/**
 * What a finding says on the protocol: a field's own id with its value, `dr-grade-2`, `dme-risk-1`, or a finding that one of
 * the protocol's questions asks for; null for other words.
 */
export function readFinding(
  label: string,
  value: string | null,
): { readonly field: string; readonly value: string | number } | null {
  const own = fundusSchema.fields.get(label);
  if (own !== undefined && value !== null) {
    const read = isNumeric(own) ? Number(value) : value;
    return checkValue(fundusSchema, own, read) === null ? { field: label, value: read } : null;
  }
  const [, what, grade] = /^(dr-grade|dme-risk)-([0-4])$/.exec(label) ?? [];
  if (grade !== undefined)
    return readFinding(what === 'dr-grade' ? 'conclusion.icdr' : 'conclusion.dme-risk', grade);
  const asked = fundusQuestions.questions.find(({ id }) => id === label)?.positive.at(-1);
  if (asked === undefined) return null;
  return { field: asked.field, value: asked.values.includes('present') ? 'present' : asked.values[0]! };
}

interface Derived {
  readonly from: string;
  readonly no: readonly string[];
  readonly yes: readonly string[];
}

/** Questions that the protocol does not ask, answered by one of its fields. */
const derivedFields: Readonly<Record<string, Derived>> = {
  'derived.retinopathy': { from: 'conclusion.icdr', no: ['0'], yes: ['1', '2', '3', '4', 'present'] },
  'derived.referable': { from: 'conclusion.icdr', no: ['0', '1'], yes: ['2', '3', '4'] },
};

/** Fields that a decoder may learn: not texts, not details of other fields, and nothing that depends on the picture's size. */
export function isLearnable(field: ProtocolField): boolean {
  const scale = field.unit?.title.en;
  return (isCoded(field) || isNumeric(field)) && field.when === undefined && scale !== 'px' && scale !== 'px²' && scale !== 'mm' && scale !== 'mm²'; // prettier-ignore
}

/** Ids of everything that could be asked for. */
export function learnableFields(): string[] {
  const fields = [...fundusSchema.fields.values()].filter(isLearnable).map(({ id }) => id);
  return [...fields, ...Object.keys(derivedFields)];
}

/**
 * The labels of one field over all images; null where no image has one.
 *
 * @param labels one an image
 */
export function fieldLabels(id: string, labels: readonly ImageLabels[]): FieldLabels | null {
  const derived = derivedFields[id];
  if (derived !== undefined) {
    const { from, no, yes } = derived;
    const values = labels.map((each) => String(valueIn(each, from)));
    return toFieldLabels(id, 'binary', ['no', 'yes'], values, (value) => (no.includes(value) ? 0 : yes.includes(value) ? 1 : NaN)); // prettier-ignore
  }
  const field = fundusSchema.fields.get(id);
  if (field === undefined || !isLearnable(field)) return null;
  const values = labels.map((each) => valueIn(each, id));
  if (isNumeric(field)) return toFieldLabels(id, 'number', [], values, (value) => (typeof value === 'number' ? value : NaN)); // prettier-ignore
  const set = valueSetOf(fundusSchema, field)!;
  const known = new Set(values.filter((value) => value !== null));
  const { ordered, unquantified } = set;
  if (ordered !== undefined && unquantified !== undefined && known.has(unquantified)) {
    // Where somebody only said that there is some, how much cannot be learnt.
    const place = (value: ProtocolValue) => (value === null ? NaN : value === ordered[0] ? 0 : 1);
    return toFieldLabels(id, 'binary', [ordered[0]!, unquantified], values, place);
  }
  const choices = set.values.map(({ code }) => code).filter((code) => code !== 'unknown');
  const seen = choices.filter((code) => known.has(code));
  // One value alone is told as such, not as a set of values with one member.
  const codes = ordered ?? (seen.length < 2 ? choices : seen);
  const kind: FieldKind = codes.length === 2 ? 'binary' : ordered === undefined ? 'categorical' : 'ordinal';
  return toFieldLabels(id, kind, codes, values, (value) => {
    const place = codes.indexOf(String(value));
    return place < 0 ? NaN : place;
  });
}

function toFieldLabels<T>(
  id: string,
  kind: FieldKind,
  values: readonly string[],
  known: readonly T[],
  place: (value: T) => number,
): FieldLabels | null {
  const labels = Float64Array.from(known, place);
  return labels.every(Number.isNaN) ? null : { id, kind, values, labels };
}

function valueIn(labels: ImageLabels, field: string): ProtocolValue {
  return labels[field] ?? null;
}
