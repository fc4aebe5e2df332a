import { useI18n } from 'vue-i18n';
import type { DecoderSummary } from '../../../../electron/contract/protocols/decoders.ts';
import type { ProtocolSchema } from '../../../../electron/protocol/schema.ts';
import type { ProtocolLanguage } from '../../../../electron/protocol/schema-format.ts';
import { wordsOfValue } from './decoder-text.ts';

const derivedPrefix = 'derived.';

/** Names of fields, values and feature sets in the language of the interface. */
export function useFieldNames() {
  const i18n = useI18n();
  const { t } = i18n;
  const has = (key: string) => i18n.te(key);

  /** "Optic disc: size"; the group is left out where it stands above. */
  function field(schema: ProtocolSchema, id: string, isInGroup = false): string {
    const language = i18n.locale.value as ProtocolLanguage;
    const known = schema.fields.get(id);
    if (known !== undefined) {
      const title = known.title[language];
      return isInGroup ? title : `${schema.groupOf.get(id)!.title[language]}: ${title}`;
    }
    const name = id.slice(derivedPrefix.length);
    return id.startsWith(derivedPrefix) && has(`decoders.derived.${name}`)
      ? t(`decoders.derived.${name}`)
      : id;
  }

  function set(id: string): string {
    return has(`decoders.sets.${id}`) ? t(`decoders.sets.${id}`) : id;
  }

  /** A value in words; an empty text says that nothing was found. */
  function value(schema: ProtocolSchema, id: string, given: string | number): string {
    if (given === '') return t('protocol.nothingFound');
    if (id.startsWith(derivedPrefix) && has(`decoders.derivedValues.${given}`))
      return t(`decoders.derivedValues.${given}`);
    return wordsOfValue(schema, id, given, i18n.locale.value as ProtocolLanguage);
  }

  /** The name that was given; that of a supplied decoder in the language of the interface. */
  function decoder({ name, source }: Pick<DecoderSummary, 'name' | 'source'>): string {
    const key = name.toLowerCase().replaceAll(/[^a-z]+/g, '-');
    return source === 'shipped' && has(`decoders.supplied.${key}`) ? t(`decoders.supplied.${key}`) : name;
  }

  return { field, set, value, decoder };
}
