import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import schemaFile from '../../../resources/protocols/fundus.json' with { type: 'json' };
import { arbitraryProtocol } from '../testing/arbitrary-protocol.ts';
import { setValue } from '../edit.ts';
import { createProtocol, readProtocol, type Protocol } from '../protocol.ts';
import { readProtocolSchema } from '../schema.ts';
import { fhirBundleSchema } from './fhir-format.ts';
import { toFhirBundle, type FhirContext } from './fhir.ts';
import { protocolColumns, toProtocolJson, toTableRow } from './protocol-table.ts';

const schema = readProtocolSchema(schemaFile);
const context: FhirContext = {
  timestamp: '2026-11-25T10:00:00Z',
  capturedAt: '2026-11-20',
  patient: 'P-017',
  isFinal: false,
  language: 'ru',
  newUuid: () => crypto.randomUUID(),
};

function withValues(values: Record<string, string | number>): Protocol {
  const start = createProtocol(schema, { image: 'ab'.repeat(32), observer: 'И. П.' });
  return Object.entries(values).reduce(
    (protocol, [id, value]) => setValue(schema, protocol, id, value),
    start,
  );
}

function observe(protocol: Protocol, title: string) {
  const { entry } = toFhirBundle(schema, protocol, context);
  return entry.find(({ resource }) => resource.code.text === title)!.resource;
}

describe('toFhirBundle', () => {
  it('holds the structure of FHIR R4 and uses only codes of the schema', () => {
    const ours = JSON.stringify(schemaFile);
    fc.assert(
      fc.property(arbitraryProtocol(schema), (protocol) => {
        const bundle = fhirBundleSchema.parse(toFhirBundle(schema, protocol, context));
        const ids = bundle.entry.map(({ resource }) => resource.id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const { resource } of bundle.entry) {
          const codings = [
            resource.code,
            resource.bodySite,
            resource.dataAbsentReason,
            resource.valueCodeableConcept,
          ]
            .flatMap((concept) => concept?.coding ?? [])
            .filter(
              ({ system }) => system !== 'urn:fundus-lens:protocol:fundus' && !system.endsWith('/icd-10'),
            );
          for (const { code } of codings) expect(ours).toContain(`"${code}"`);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('takes the LOINC code of the eye that was photographed', () => {
    const title = 'Заключение: Диабетическая ретинопатия (ICDR)';
    const left = observe(withValues({ 'header.eye': 'OS', 'conclusion.icdr': '2' }), title);
    expect(left.code.coding?.[0]).toMatchObject({ system: 'http://loinc.org', code: '71490-7' });
    expect(left.valueCodeableConcept?.coding?.[0]?.code).toBe('LA18645-4');
    expect(left.valueCodeableConcept?.text).toBe('2 — умеренная НПДР');
    const unknown = observe(withValues({ 'conclusion.icdr': '2' }), title);
    expect(unknown.code.coding?.map(({ system }) => system)).toEqual(['urn:fundus-lens:protocol:fundus']);
  });

  it('never says normal of what was not assessed', () => {
    const drusen = observe(createProtocol(schema), 'Макула: Друзы');
    expect(drusen.dataAbsentReason?.coding?.[0]?.code).toBe('not-performed');
    expect(drusen.valueCodeableConcept).toBeUndefined();
    expect(drusen.bodySite?.coding?.[0]?.code).toBe('362517001');
  });

  it('says where a value comes from, and leaves out codes that mean less', () => {
    const seen = withValues({ 'lesions.dot-blot-haemorrhages': 'few', 'lesions.cotton-wool-spots': 'none' });
    const dots = observe(seen, 'Очаговые изменения: Точечные и пятнистые кровоизлияния');
    expect(JSON.stringify(dots.code)).not.toContain('247133006');
    expect(dots.note).toEqual([{ text: 'source: manual' }]);
    const spots = observe(seen, 'Очаговые изменения: Ватообразные очаги');
    expect(spots.code.coding?.[0]?.code).toBe('39832008');
  });
});

describe('table and JSON', () => {
  it('has a cell for every column', () => {
    const protocol = withValues({ 'disc.cup-disc-ratio': 0.4, 'macula.pathology': '' });
    const row = toTableRow(schema, protocol);
    const cells = Object.fromEntries(protocolColumns(schema).map((name, at) => [name, row[at]]));
    expect(row).toHaveLength(protocolColumns(schema).length);
    expect(cells).toMatchObject({
      'disc.cup-disc-ratio': 0.4,
      'disc.cup-disc-ratio:source': 'manual',
      'macula.pathology': 'none',
      'macula.drusen': null,
    });
  });

  it('writes JSON that is read back', () => {
    fc.assert(
      fc.property(arbitraryProtocol(schema), (protocol) => {
        expect(readProtocol(schema, JSON.parse(toProtocolJson(schema, protocol)))).toEqual(protocol);
      }),
      { numRuns: 100 },
    );
  });
});
