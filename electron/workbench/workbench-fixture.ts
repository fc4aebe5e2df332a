import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Task } from '../contract/app/tasks.ts';
import { createWorkbench } from './open-workbench.ts';
import type { Workbench, WorkbenchOptions } from './open-workbench.ts';

const fixtures = fileURLToPath(new URL('../../data/fixtures', import.meta.url));
export const fixtureModel = path.join(fixtures, 'checkpoints/qwen2-5-vl-tied-bf16');
export const otherFixtureModel = path.join(fixtures, 'checkpoints/qwen2-vl-untied-f32');

export function fixtureImage(name: string): string {
  return path.join(fixtures, 'images', name);
}

/** A folder of its own for a test, with Cyrillic letters and spaces, and the workbenches opened in it. */
export class WorkbenchFixture {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'fundus-lens верстак '));
  readonly libraryFolder = path.join(this.folder, 'Моя библиотека');
  readonly errors: { readonly event: string; readonly error: unknown }[] = [];
  readonly #open: Workbench[] = [];

  async open(options: Partial<WorkbenchOptions> = {}): Promise<Workbench> {
    const workbench = await createWorkbench({
      libraryFolder: this.libraryFolder,
      cacheFolder: path.join(this.folder, 'cache'),
      modelsFolder: path.join(this.folder, 'Мои модели'),
      settingsFile: path.join(this.folder, 'settings', 'settings.json'),
      samplesFolder: null,
      demoModelFolder: null,
      runner: { pollMilliseconds: 50, retryMilliseconds: 50 },
      log: { error: (event, error) => this.errors.push({ event, error }) },
      ...options,
    });
    this.#open.push(workbench);
    return workbench;
  }

  /** Copies fixture images into a folder to import, each under the name given. */
  source(names: Readonly<Record<string, string>>): string {
    const folder = mkdtempSync(path.join(this.folder, 'source '));
    for (const [name, fixture] of Object.entries(names)) {
      copyFileSync(fixtureImage(fixture), path.join(folder, name));
    }
    return folder;
  }

  async remove(): Promise<void> {
    for (const workbench of this.#open) await workbench.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Imports a folder and returns the images' ids in the order of their names. */
export async function importFolder({ client, imports }: Workbench, folder: string): Promise<number[]> {
  const { importId } = await client.imports.start({ paths: [folder] });
  const report = await imports.wait(importId);
  if (report.state !== 'done') throw new Error(`the import ended as ${report.state}`);
  return client.images.ids({ query: { sort: 'name' } });
}

/** Waits until none of the tasks is queued or running. */
export async function settle({ client }: Workbench, ids: readonly string[]): Promise<Task[]> {
  for (;;) {
    const tasks = await Promise.all(ids.map((id) => client.tasks.get({ id })));
    if (tasks.every(({ state }) => !['queued', 'running'].includes(state))) return tasks;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
