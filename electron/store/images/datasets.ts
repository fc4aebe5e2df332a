import type { DatasetLabels, ImageOrigin, ImageRegion, NewRegion } from '../../contract/images/datasets.ts';
import { canonicalJson } from '../database/canonical-json.ts';
import { found, query } from '../database/database.ts';
import type { Database } from '../database/database.ts';
import type { Protocols } from '../protocols.ts';
import type { Findings } from './findings.ts';
import type { Tags } from './tags.ts';

interface Aggregates {
  readonly findings: Findings;
  readonly protocols: Protocols;
  readonly tags: Tags;
}

/** What public data sets say of images: their terms, protocols with the data set as observer, and marked places. */
export class Datasets {
  readonly #db: Database;
  readonly #to: Aggregates;

  constructor(db: Database, aggregates: Aggregates) {
    this.#db = db;
    this.#to = aggregates;
  }

  /**
   * Adds what a data set says of an image to what it said before; what a person has corrected stays.
   *
   * @returns whether anything was new
   */
  put(imageId: number, { origin, protocol, regions, findings }: DatasetLabels): boolean {
    return this.#db.transaction(() => {
      const before = this.#everythingOf(imageId);
      const { id, title, licence, citation, split, age } = origin;
      const about = { title, licence, citation };
      this.#db.run(
        query
          .insertInto('datasets')
          .values({ id, ...about })
          .onConflict((conflict) => conflict.column('id').doUpdateSet(about)),
      );
      this.#db.run(
        query
          .insertInto('dataset_images')
          .values({ imageId, datasetId: id, split, age })
          .onConflict((conflict) => conflict.columns(['imageId', 'datasetId']).doNothing()),
      );
      this.#to.tags.add([imageId], title);
      for (const { label, value } of findings) {
        this.#to.findings.put({ imageId, label, value, source: 'manifest' });
      }
      if (protocol !== null) this.#merge(imageId, protocol);
      for (const region of regions) this.#putRegion(imageId, region);
      return canonicalJson(this.#everythingOf(imageId)) !== canonicalJson(before);
    });
  }

  originsOf(imageId: number): ImageOrigin[] {
    return this.#db.all(
      query
        .selectFrom('dataset_images')
        .innerJoin('datasets', 'datasets.id', 'dataset_images.datasetId')
        .select(['id', 'title', 'licence', 'citation', 'split', 'age'])
        .where('imageId', '=', imageId)
        .orderBy('id'),
    );
  }

  regionsOf(imageId: number): ImageRegion[] {
    return this.#db
      .all(
        query
          .selectFrom('image_regions')
          .select(['id', 'of', 'author', 'shape'])
          .where('imageId', '=', imageId)
          .orderBy('id'),
      )
      .map((row) => ({
        ...row,
        shape: row.shape === null ? null : (JSON.parse(row.shape) as ImageRegion['shape']),
      }));
  }

  /** @returns the PNG of a mask; null for a shape. @throws input.invalid when there is no such region */
  mask(regionId: number): Buffer | null {
    const row = this.#db.get(query.selectFrom('image_regions').select('mask').where('id', '=', regionId));
    return found(row, 'such region').mask;
  }

  #everythingOf(imageId: number): object {
    return {
      origins: this.originsOf(imageId),
      regions: this.regionsOf(imageId),
      protocols: this.#to.protocols.ofImage(imageId).map(({ id }) => id),
      findings: this.#to.findings.ofImage(imageId).map(({ label, value }) => ({ label, value })),
    };
  }

  #merge(imageId: number, protocol: NonNullable<DatasetLabels['protocol']>): void {
    const [latest] = this.#to.protocols.history(imageId, protocol.observer ?? '');
    const before = latest === undefined ? {} : this.#to.protocols.get(latest.id).protocol.values;
    const kept = Object.entries(before).filter(
      ([field, { source }]) => source !== 'imported' || !(field in protocol.values),
    );
    const values = { ...protocol.values, ...Object.fromEntries(kept) };
    this.#to.protocols.add(imageId, { ...protocol, values });
  }

  #putRegion(imageId: number, { of, author, shape, mask }: NewRegion): void {
    const content = {
      shape: shape === null ? null : JSON.stringify(shape),
      mask: mask === null ? null : Buffer.from(mask),
    };
    this.#db.run(
      query
        .insertInto('image_regions')
        .values({ imageId, of, author, ...content })
        .onConflict((conflict) => conflict.columns(['imageId', 'of', 'author']).doUpdateSet(content)),
    );
  }
}
