/** A NuGet feed for tests, on loopback: describes and serves one package as nuget.org does, and misbehaves on request. */

import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { ZipFile } from 'yazl';
import { sendContent } from './send-content.ts';
import type { Fault } from './send-content.ts';

export interface FeedRequest {
  /** What is asked for. */
  readonly what: 'index' | 'leaf' | 'entry' | 'package' | 'other';
  readonly range: string | null;
}

/** Folder of the libraries in the package. */
export const nativeFolder = 'runtimes/linux-x64/native/';

/** The package of ONNX Runtime's GPU libraries, with small files of noise in the places of the real ones. */
export async function makePackage(
  version: string,
  { id = 'Microsoft.ML.OnnxRuntime.Gpu.Linux', without = '' } = {},
): Promise<{ readonly bytes: Buffer; readonly files: ReadonlyMap<string, Buffer> }> {
  const zip = new ZipFile();
  const description = `\uFEFF<?xml version="1.0"?>\n<package><metadata>\n  <id>${id}</id>\n  <version>${version}</version>\n</metadata></package>`;
  zip.addBuffer(Buffer.from(description), `${id}.nuspec`);
  zip.addBuffer(Buffer.from('signature'), '.signature.p7s');
  const files = new Map<string, Buffer>();
  for (const name of ['cuda', 'shared', 'tensorrt'].map((part) => `libonnxruntime_providers_${part}.so`)) {
    // Half noise, half nothing: as large machine code is packed.
    const content = Buffer.concat([randomBytes(60_000), Buffer.alloc(60_000)]);
    files.set(name, content);
    if (name !== without) zip.addBuffer(content, `${nativeFolder}${name}`);
  }
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return { bytes: Buffer.concat(chunks), files };
}

export class LoopbackFeed {
  readonly seen: FeedRequest[] = [];
  readonly faults: Fault<FeedRequest>[] = [];
  /** What the catalogue says beside the truth. */
  entry: Readonly<Record<string, unknown>> = {};
  package: Buffer;
  readonly #version: string;
  readonly #server: Server = createServer((request, response) => void this.#answer(request, response));

  private constructor(bytes: Buffer, version: string) {
    this.package = bytes;
    this.#version = version;
  }

  static async start(bytes: Buffer, version: string): Promise<LoopbackFeed> {
    const feed = new LoopbackFeed(bytes, version);
    await new Promise<void>((resolve) => feed.#server.listen(0, '127.0.0.1', resolve));
    return feed;
  }

  /** Address of the service index. */
  get address(): string {
    return `${this.#origin}/v3/index.json`;
  }

  reset(bytes: Buffer): void {
    this.seen.length = 0;
    this.faults.length = 0;
    this.entry = {};
    this.package = bytes;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get #origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer({ url = '', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const [what, answer] = this.#route(url);
    const { range = null } = headers;
    const seen = { what, range };
    this.seen.push(seen);
    const fault = this.faults.find(({ when, times = 1 }) => times > 0 && (when?.(seen) ?? true));
    if (fault?.times !== undefined) fault.times -= 1;
    await fault?.before?.();
    if (fault?.status !== undefined) {
      const type = { 'content-type': 'text/plain', ...fault.headers };
      response.writeHead(fault.status, type).end(fault.body ?? '');
    } else if (what === 'package') {
      sendContent(this.package, range, response, fault);
    } else if (answer === null) {
      response.writeHead(404).end();
    } else {
      // nuget.org sends these compressed whatever one asks for.
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync(JSON.stringify(answer)));
    }
  }

  #route(url: string): readonly [FeedRequest['what'], unknown] {
    const id = 'microsoft.ml.onnxruntime.gpu.linux';
    const version = this.#version;
    switch (url) {
      case '/v3/index.json':
        return [
          'index',
          {
            version: '3.0.0',
            resources: [
              { '@id': `${this.#origin}/query`, '@type': 'SearchQueryService' },
              { '@id': `${this.#origin}/old/`, '@type': 'RegistrationsBaseUrl' },
              { '@id': `${this.#origin}/registration5-gz-semver2/`, '@type': 'RegistrationsBaseUrl/3.6.0' },
            ],
          },
        ];
      case `/registration5-gz-semver2/${id}/${version}.json`:
        return [
          'leaf',
          {
            '@type': ['Package', 'http://schema.nuget.org/catalog#Permalink'],
            catalogEntry: `${this.#origin}/catalog0/data/${id}.${version}.json`,
            listed: true,
            packageContent: `${this.#origin}/flat/${id}/${version}/${id}.${version}.nupkg`,
          },
        ];
      case `/catalog0/data/${id}.${version}.json`:
        return [
          'entry',
          {
            id: 'Microsoft.ML.OnnxRuntime.Gpu.Linux',
            version,
            packageHash: createHash('sha512').update(this.package).digest('base64'),
            packageHashAlgorithm: 'SHA512',
            packageSize: this.package.length,
            ...this.entry,
          },
        ];
      case `/flat/${id}/${version}/${id}.${version}.nupkg`:
        return ['package', null];
      default:
        return ['other', null];
    }
  }
}
