import { computed, shallowRef, type ComputedRef, type ShallowRef } from 'vue';
import {
  applies,
  createProtocol,
  valueOf,
  type Protocol,
  type ProtocolValue,
} from '../../../../electron/protocol/protocol.ts';
import { clearGroup, clearValue, setGroupNormal, setValue } from '../../../../electron/protocol/edit.ts';
import type { ProtocolSchema } from '../../../../electron/protocol/schema.ts';
import type { Laterality } from '../../../../electron/contract/laterality.ts';

const capacity = 200;
const eyeField = 'header.eye';
const eyeCodes: Readonly<Record<Laterality, string | null>> = { R: 'OD', L: 'OS', B: null, unknown: null };

/** A protocol in which nothing was assessed, but for the eye that the library knows. */
export function blankProtocol(
  schema: ProtocolSchema,
  image: { readonly sha256: string; readonly laterality: Laterality },
  observer: string,
): Protocol {
  const blank = createProtocol(schema, { image: image.sha256, observer });
  const eye = eyeCodes[image.laterality];
  return eye === null ? blank : setValue(schema, blank, eyeField, eye, { source: 'imported' });
}

/** A protocol in work: every edit can be taken back and made again, and it knows whether it was saved. */
export class ProtocolDraft {
  readonly #schema: ProtocolSchema;
  readonly #past = shallowRef<readonly Protocol[]>([]);
  readonly #future = shallowRef<readonly Protocol[]>([]);
  readonly #protocol: ShallowRef<Protocol>;
  readonly #saved: ShallowRef<Protocol>;
  readonly canUndo = computed(() => this.#past.value.length > 0);
  readonly canRedo = computed(() => this.#future.value.length > 0);
  readonly isDirty: ComputedRef<boolean>;

  constructor(schema: ProtocolSchema, protocol: Protocol) {
    this.#schema = schema;
    this.#protocol = shallowRef(protocol);
    this.#saved = shallowRef(protocol);
    this.isDirty = computed(() => !haveSameValues(this.#protocol.value, this.#saved.value));
  }

  get protocol(): Protocol {
    return this.#protocol.value;
  }

  /** Enters a value; null is "not assessed". @throws ProtocolError when the field does not allow it */
  set(fieldId: string, value: ProtocolValue): void {
    this.#apply((protocol) =>
      value === null
        ? clearValue(this.#schema, protocol, fieldId)
        : setValue(this.#schema, protocol, fieldId, value),
    );
  }

  /** Enters the normal value in the open fields of a group. */
  setNormal(groupId: string): void {
    this.#apply((protocol) => setGroupNormal(this.#schema, protocol, groupId));
  }

  clear(groupId: string): void {
    this.#apply((protocol) => clearGroup(this.#schema, protocol, groupId));
  }

  /** Takes over what another protocol says of fields that are open here, each value with its source and certainty. */
  adopt(other: Pick<Protocol, 'values'>): void {
    this.#apply((protocol) =>
      [...this.#schema.fields.values()].reduce((edited, field) => {
        const entry = other.values[field.id];
        if (entry?.value == null || valueOf(edited, field.id) !== null || !applies(field, edited))
          return edited;
        return setValue(this.#schema, edited, field.id, entry.value, entry);
      }, protocol),
    );
  }

  rename(observer: string): void {
    this.#protocol.value = { ...this.protocol, observer };
  }

  markSaved(saved: Protocol): void {
    this.#saved.value = saved;
  }

  undo(): void {
    this.#travel(this.#past, this.#future);
  }

  redo(): void {
    this.#travel(this.#future, this.#past);
  }

  #apply(change: (protocol: Protocol) => Protocol): void {
    const changed = change(this.protocol);
    if (haveSameValues(changed, this.protocol)) return;
    this.#past.value = [...this.#past.value, this.protocol].slice(-capacity);
    this.#future.value = [];
    this.#protocol.value = changed;
  }

  #travel(from: { value: readonly Protocol[] }, to: { value: readonly Protocol[] }): void {
    const target = from.value.at(-1);
    if (target === undefined) return;
    to.value = [...to.value, this.protocol];
    from.value = from.value.slice(0, -1);
    this.#protocol.value = { ...target, observer: this.protocol.observer };
  }
}

function haveSameValues(a: Protocol, b: Protocol): boolean {
  const text = ({ values }: Protocol) =>
    JSON.stringify(Object.entries(values).sort(([x], [y]) => (x < y ? -1 : 1)));
  return text(a) === text(b);
}
