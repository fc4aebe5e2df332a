import { beforeAll, describe, expect, test } from 'vitest';
import { DecoderError } from '../request/errors.ts';
import { fitDecoder } from './fit-decoder.ts';
import type { FitProgress, FitResult } from './fit-decoder.ts';
import { fitDecoderInThread } from './fit-in-thread.ts';
import { seededRandom } from '../linear/random.ts';
import type { FitRequest } from '../request/request.ts';
import type { FittedFieldReport } from './report.ts';

const patientsCount = 90;
const layerNumbers = [0, 1, 2, 3];
const plantedLayer = 2;

/** Noise in all layers; the labels are written into one of them, and into none of the baseline. */
function makeRequest(overrides: Partial<FitRequest> = {}): FitRequest {
  const random = seededRandom(7);
  const normal = () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
  const images: string[] = [];
  const patients: string[] = [];
  for (let patient = 0; patient < patientsCount; patient++)
    for (let image = 0; image <= (patient % 3 === 0 ? 1 : 0); image++) {
      images.push(`image-${patient}-${image}`);
      patients.push(`patient-${patient}`);
    }
  const count = images.length;
  const width = 24;
  const binary = Float64Array.from({ length: count }, () => random.below(2));
  const grade = Float64Array.from({ length: count }, () => random.below(4));
  const colour = Float64Array.from({ length: count }, () => random.below(3));
  const ratio = Float64Array.from({ length: count }, () => random.next());
  const missing = Float64Array.from(ratio, (value, row) => (row % 5 === 0 ? NaN : value));
  const noise = Float64Array.from({ length: count }, () => random.below(2));
  const layer = (planted: boolean) =>
    Float32Array.from({ length: count * width }, (_, at) => {
      const row = Math.floor(at / width);
      const place = at % width;
      const signal = [
        binary[row]!,
        grade[row]!,
        colour[row] === 1 ? 1 : 0,
        colour[row] === 2 ? 1 : 0,
        ratio[row]! * 3,
      ];
      return 5 + 0.5 * normal() + (planted ? 1.5 * (signal[place] ?? 0) : 0);
    });
  return {
    name: 'test',
    images,
    patients,
    features: [
      {
        id: 'image-mean',
        role: 'layers',
        images,
        width,
        layers: layerNumbers.map((number) => ({ layer: number, values: layer(number === plantedLayer) })),
      },
      { id: 'pixels', role: 'baseline', images, width, layers: [{ layer: 0, values: layer(false) }] },
    ],
    fields: [
      { id: 'eye', kind: 'binary', values: ['left', 'right'], labels: binary },
      { id: 'grade', kind: 'ordinal', values: ['0', '1', '2', '3'], labels: grade },
      { id: 'colour', kind: 'categorical', values: ['pink', 'pale', 'grey'], labels: colour },
      { id: 'ratio', kind: 'number', values: [], labels: missing },
      { id: 'noise', kind: 'binary', values: ['no', 'yes'], labels: noise },
    ],
    origin: {
      modelHash: 'a'.repeat(64),
      modelName: 'test model',
      prompt: 'Describe this image.',
      imageLimits: { minPixels: 100, maxPixels: 200 },
      softwareVersion: '0.1.0',
      schemaVersion: '1',
    },
    options: { bootstrapSamples: 200, permutations: 30 },
    ...overrides,
  };
}

let result: FitResult;
beforeAll(async () => {
  result = await fitDecoder(makeRequest());
});

function fieldOf({ report }: FitResult, id: string): FittedFieldReport {
  const found = report.fields.find(({ field }) => field === id)!;
  if (found.status !== 'fitted') throw new Error(found.error.summary);
  return found;
}

describe('a planted feature', () => {
  test.each(['eye', 'grade', 'colour', 'ratio'])('%s is found at its layer and nowhere else', (id) => {
    const { chosen, curves } = fieldOf(result, id);
    expect(chosen.layer).toBe(plantedLayer);
    expect(chosen.picks.every(({ layer }) => layer === plantedLayer)).toBe(true);
    const [layers, pixels] = curves;
    const scores = layers!.points.map(({ score }) => score.value!);
    expect(layers!.points.map(({ layer }) => layer)).toEqual(layerNumbers);
    expect(scores[plantedLayer]).toBeGreaterThan(0.75);
    const others = [...scores.filter((_, index) => index !== plantedLayer), pixels!.points[0]!.score.value!];
    expect(Math.max(...others)).toBeLessThan(scores[plantedLayer]! - 0.15);
    expect(chosen.score.low).toBeLessThan(chosen.score.value!);
    expect(chosen.score.high).toBeGreaterThan(chosen.score.value!);
    expect(chosen.selectivity).toBeGreaterThan(0.25);
  });

  test('answers of patients left out are calibrated and covered', () => {
    for (const id of ['eye', 'grade', 'colour']) {
      const { measures, answers, riskCoverage } = fieldOf(result, id).chosen;
      // 90 patients, α = 0.1: a share below 0.8 would be four deviations off.
      expect(measures['setCoverage']!.value).toBeGreaterThan(0.8);
      expect(measures['ece']!.value).toBeLessThan(0.2);
      expect(riskCoverage!.risk.at(-1)).toBeCloseTo(1 - measures['accuracy']!.value!, 12);
      for (const { values } of answers)
        expect(values.reduce<number>((sum, value) => sum + value!, 0)).toBeCloseTo(1, 12);
    }
    const { measures } = fieldOf(result, 'ratio').chosen;
    expect(measures['intervalCoverage']!.value).toBeGreaterThan(0.8);
    expect(measures['intervalWidth']!.value).toBeLessThan(0.95);
    expect(measures['mae']!.value).toBeLessThan(0.25);
  });

  test('only what was assessed counts', () => {
    const { images, counts } = fieldOf(result, 'ratio');
    expect(images).toBe(96);
    expect(counts).toEqual([{ value: '', images: 96, patients: expect.any(Number) as number }]);
  });
});

describe('labels without any meaning', () => {
  test('the score of noise is among those of shuffled labels', () => {
    const { score, shuffled } = fieldOf(result, 'noise').chosen;
    expect(score.value).toBeGreaterThan(shuffled.low!);
    expect(score.value).toBeLessThan(shuffled.high!);
    expect(fieldOf(result, 'noise').chosen.measures['assessed']!.value).toBeLessThan(0.3);
  });

  test.each(['eye', 'grade', 'colour'])('shuffled labels of %s give 0.5 within their interval', (id) => {
    const { shuffled } = fieldOf(result, id).chosen;
    expect(shuffled.low).toBeLessThan(0.5);
    expect(shuffled.high).toBeGreaterThan(0.5);
    // Mean of 30 shuffles, each with a deviation of about 0.05.
    expect(Math.abs(shuffled.value! - 0.5)).toBeLessThan(0.04);
  });
});

test('features that are the same everywhere, or on the labelled images, score as chance does', async () => {
  const base = makeRequest();
  const [eye] = base.fields;
  // Labelled on two thirds of the patients, on which the second baseline is the same everywhere.
  const labels = eye!.labels.map((label, row) => (Number(base.patients[row]!.slice(8)) < 60 ? label : NaN));
  const constant = (values: Float32Array) => ({
    role: 'baseline' as const,
    images: base.images,
    width: 3,
    layers: [{ layer: 0, values }],
  });
  const everywhere = new Float32Array(base.images.length * 3).map((_, at) => 0.1 + (at % 3));
  const there = everywhere.map((value, at) => (at / 3 < 80 ? value : 0.7));
  const { report } = await fitDecoder({
    ...base,
    features: [
      base.features[0]!,
      { id: 'everywhere', ...constant(everywhere) },
      { id: 'there', ...constant(there) },
    ],
    fields: [{ ...eye!, labels }],
  });
  const { curves } = report.fields[0] as FittedFieldReport;
  for (const { points } of curves.slice(1)) {
    expect(points[0]!.score.value).toBe(0.5);
    expect(points[0]!.shuffled.value).toBe(0.5);
  }
});

test('in threads the same numbers come out, with progress', async () => {
  const progress: FitProgress[] = [];
  const threaded = await fitDecoderInThread(makeRequest(), { onProgress: (step) => progress.push(step) });
  expect(threaded).toEqual(result);
  expect([...new Set(progress.map(({ stage }) => stage))]).toEqual(['layers', 'answers', 'heads', 'report']);
  expect(progress.filter(({ stage }) => stage === 'layers').at(-1)).toEqual({
    stage: 'layers',
    done: 5,
    total: 5,
  });
});

test('a fit is stopped in the middle, here and in threads', async () => {
  for (const fit of [fitDecoder, fitDecoderInThread]) {
    const stop = new AbortController();
    let after = 0;
    const fitting = fit(makeRequest(), {
      signal: stop.signal,
      onProgress: ({ done }) => {
        if (stop.signal.aborted) after++;
        if (done === 1) stop.abort();
      },
    });
    await expect(fitting).rejects.toMatchObject({ code: 'decoder.cancelled' });
    expect(after).toBeLessThanOrEqual(1);
  }
});

test('each source left out has its own score', async () => {
  const base = makeRequest();
  const sources = base.patients.map((patient) =>
    Number(patient.slice(8)) % 2 === 0 ? 'camera B' : 'camera A',
  );
  const { report } = await fitDecoder({ ...base, sources, fields: base.fields.slice(0, 1) });
  const { sourcesLeftOut } = report.fields[0] as FittedFieldReport;
  expect(sourcesLeftOut.map(({ source, images }) => [source, images])).toEqual([
    ['camera B', 60],
    ['camera A', 60],
  ]);
  for (const { scores } of sourcesLeftOut) {
    expect(scores.map(({ set, role }) => [set, role])).toEqual([
      ['image-mean', 'decoder'],
      ['image-mean', 'layers'],
      ['pixels', 'baseline'],
    ]);
    expect(scores[0]!.layer).toBe(plantedLayer);
    expect(scores[0]!.score.value).toBeGreaterThan(0.8);
    expect(scores[2]!.score.value).toBeLessThan(0.75);
  }
});

describe('what cannot be used is said', () => {
  const refused: readonly [string, string, (base: FitRequest) => FitRequest][] = [
    [
      'one class',
      'decoder.one-class',
      (base) => ({
        ...base,
        fields: [{ ...base.fields[0]!, labels: base.fields[0]!.labels.map(() => 1) }],
      }),
    ],
    [
      '19 positive patients',
      'decoder.too-few-patients',
      (base) => ({
        ...base,
        fields: [
          {
            ...base.fields[0]!,
            labels: Float64Array.from(base.patients, (p) => (Number(p.slice(8)) < 19 ? 1 : 0)),
          },
        ],
      }),
    ],
    [
      'a patient in two sources',
      'decoder.patients-overlap',
      (base) => ({
        ...base,
        sources: base.images.map((image) => image.slice(-1)),
      }),
    ],
    [
      'an image without features',
      'decoder.features-missing',
      (base) => ({
        ...base,
        features: base.features.map((set) => ({
          ...set,
          images: set.images.slice(1),
          layers: set.layers.map(({ layer, values }) => ({ layer, values: values.subarray(set.width) })),
        })),
      }),
    ],
    [
      'another width',
      'decoder.width',
      (base) => ({
        ...base,
        features: base.features.map((set) => ({ ...set, width: 12 })),
      }),
    ],
    [
      'NaN',
      'decoder.not-finite',
      (base) => ({
        ...base,
        features: base.features.map((set) => ({
          ...set,
          layers: set.layers.map(({ layer, values }) => ({ layer, values: values.with(100, NaN) })),
        })),
      }),
    ],
    [
      'a label outside the values',
      'decoder.labels',
      (base) => ({
        ...base,
        fields: [{ ...base.fields[0]!, labels: base.fields[0]!.labels.with(3, 2) }],
      }),
    ],
    ['no fields', 'decoder.no-fields', (base) => ({ ...base, fields: [] })],
    ['no layers', 'decoder.no-features', (base) => ({ ...base, features: base.features.slice(1) })],
    [
      'an interval that so few patients cannot give',
      'decoder.options',
      (base) => ({ ...base, options: { alpha: 0.01 } }),
    ],
  ];

  test.each(refused)('%s: %s', async (_, code, change) => {
    const error = await fitDecoder(change(makeRequest())).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DecoderError);
    expect(error).toMatchObject({ code });
    expect((error as DecoderError).message).toMatch(/expected: .+\n {2}found: .+\n {2}what to do: .+/);
  });

  test('one field that cannot be learnt does not end the others', async () => {
    const base = makeRequest();
    const rare = {
      ...base.fields[0]!,
      id: 'rare',
      labels: base.fields[0]!.labels.map((_, row) => (row < 10 ? 1 : 0)),
    };
    const { report, decoder } = await fitDecoder({ ...base, fields: [rare, base.fields[0]!] });
    expect(report.fields.map(({ field, status }) => [field, status])).toEqual([
      ['rare', 'refused'],
      ['eye', 'fitted'],
    ]);
    expect(decoder.refused).toMatchObject([{ field: 'rare', error: { code: 'decoder.too-few-patients' } }]);
    expect(decoder.heads.map(({ field }) => field)).toEqual(['eye']);
  });

  test('values of an ordinal field that are too rare to be parted stay together', async () => {
    const base = makeRequest();
    const grade = base.fields[1]!;
    const labels = grade.labels.map((label, row) => (label === 3 && row > 40 ? 2 : label));
    const { report } = await fitDecoder({ ...base, fields: [{ ...grade, labels }] });
    expect((report.fields[0] as FittedFieldReport).classes).toEqual([['0'], ['1'], ['2', '3']]);
  });
});
