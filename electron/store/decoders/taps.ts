import { sha256Hex } from '../database/canonical-json.ts';
import { query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import { damagedLibrary } from '../database/database-errors.ts';
import { fromLittleEndian, toLittleEndian } from '../traces/typed-arrays.ts';

/** How features were read: with another model, prompt or limit they are others. */
export interface TapShape {
  /** SHA-256 of the model's weights. */
  readonly modelSha256: string;
  readonly prompt: string;
  /** Largest area at which the vision tower saw the image; null for the model's own limit. */
  readonly maxPixels: number | null;
}

/** Numbers of one image from one place of the model. */
export interface StoredFeature {
  /** `vision-output`, `image-mean`, `last-position` or `pixels`. */
  readonly name: string;
  /** 0 where it is not of a decoder layer. */
  readonly layer: number;
  /** float32 [width] */
  readonly values: Float32Array;
}

/** One question put in one way. */
export interface AskedQuestion {
  readonly question: string;
  readonly language: string;
  readonly polarity: 'positive' | 'negative';
  readonly prompt: string;
}

/** Features of images, each with its hash, read once and used by every decoder. */
export class Taps {
  readonly #db: Database;
  readonly #now: () => Date;

  constructor(db: Database, now: () => Date) {
    this.#db = db;
    this.#now = now;
  }

  /** Keeps what was read of an image; what was kept before in the same shape is replaced. */
  put(imageId: number, shape: TapShape, features: readonly StoredFeature[]): void {
    const key = { imageId, ...toKey(shape) };
    this.#db.transaction(() => {
      this.#db.execute(
        'DELETE FROM taps WHERE imageId = ? AND modelSha256 = ? AND prompt = ? AND maxPixels = ?',
        [key.imageId, key.modelSha256, key.prompt, key.maxPixels],
      );
      const row = query.insertInto('taps').values({ ...key, createdAt: this.#now().toISOString() });
      const tapId = Number(this.#db.run(row).lastInsertRowid);
      for (const { name, layer, values } of features) {
        const data = toLittleEndian(Float32Array.from(values));
        this.#db.run(
          query.insertInto('tap_features').values({ tapId, name, layer, sha256: sha256Hex(data), data }),
        );
      }
    });
  }

  /** Which of the images have features in this shape. */
  tapped(imageIds: readonly number[], shape: TapShape): Set<number> {
    const { modelSha256, prompt, maxPixels } = toKey(shape);
    const rows = this.#db.rows<{ imageId: number }>(
      `SELECT imageId FROM taps WHERE modelSha256 = ? AND prompt = ? AND maxPixels = ?
        AND imageId IN (SELECT value FROM json_each(?))`,
      [modelSha256, prompt, maxPixels, JSON.stringify(imageIds)],
    );
    return new Set(rows.map(({ imageId }) => imageId));
  }

  /**
   * Everything that was read of an image, by name and layer; empty when nothing was.
   *
   * @throws library.damaged when numbers are not those that were written
   */
  get(imageId: number, shape: TapShape): StoredFeature[] {
    const { modelSha256, prompt, maxPixels } = toKey(shape);
    const rows = this.#db.rows<{ name: string; layer: number; sha256: string; data: Buffer }>(
      `SELECT f.name, f.layer, f.sha256, f.data FROM taps t JOIN tap_features f ON f.tapId = t.id
        WHERE t.imageId = ? AND t.modelSha256 = ? AND t.prompt = ? AND t.maxPixels = ? ORDER BY f.name, f.layer`,
      [imageId, modelSha256, prompt, maxPixels],
    );
    return rows.map(({ name, layer, sha256, data }) => {
      if (sha256Hex(data) !== sha256) {
        throw damagedLibrary(`the features "${name}" of layer ${layer} of image ${imageId} have changed`);
      }
      return { name, layer, values: fromLittleEndian(data, 'float32') as Float32Array };
    });
  }

  /**
   * Keeps how much likelier "yes" was than "no" at each layer.
   *
   * @param margins float32 [layers], natural logarithms
   */
  putAnswer(
    imageId: number,
    { modelSha256, maxPixels }: Omit<TapShape, 'prompt'>,
    asked: AskedQuestion,
    margins: Float32Array,
  ): void {
    this.#db.run(
      query
        .insertInto('answer_margins')
        .orReplace()
        .values({
          imageId,
          modelSha256,
          maxPixels: maxPixels ?? 0,
          ...asked,
          data: toLittleEndian(Float32Array.from(margins)),
          createdAt: this.#now().toISOString(),
        }),
    );
  }

  /** Margins of the images by question, language and polarity. */
  answers(
    imageIds: readonly number[],
    { modelSha256, maxPixels }: Omit<TapShape, 'prompt'>,
  ): (AskedQuestion & { readonly imageId: number; readonly margins: Float32Array })[] {
    const rows = this.#db.rows<AskedQuestion & { imageId: number; data: Buffer }>(
      `SELECT imageId, question, language, polarity, prompt, data FROM answer_margins
        WHERE modelSha256 = ? AND maxPixels = ? AND imageId IN (SELECT value FROM json_each(?))
        ORDER BY imageId, question, language, polarity`,
      [modelSha256, maxPixels ?? 0, JSON.stringify(imageIds)],
    );
    return rows.map(({ data, ...row }) => ({
      ...row,
      margins: fromLittleEndian(data, 'float32') as Float32Array,
    }));
  }
}

function toKey({ modelSha256, prompt, maxPixels }: TapShape) {
  return { modelSha256, prompt, maxPixels: maxPixels ?? 0 };
}
