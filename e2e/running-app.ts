import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { EngineCommand } from '../electron/engine/process/messages.ts';
import type { ForkEngine } from '../electron/engine/process/engine-process.ts';
import { forkEngine } from '../electron/engine/process/fork-engine.ts';
import { startBrowserFace } from '../electron/server/browser-face.ts';
import type { BrowserFace } from '../electron/server/browser-face.ts';
import { openLog } from '../electron/shell/log.ts';
import { createWorkbench } from '../electron/workbench/open-workbench.ts';
import type { Workbench } from '../electron/workbench/open-workbench.ts';
import { ensureRenderer, rendererFolder } from '../scripts/build-renderer.ts';
import { launchChromium } from './chromium.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const demoModel = join(root, 'models', 'demo');
const fixtureModel = join(root, 'data', 'fixtures', 'checkpoints', 'qwen2-5-vl-tied-bf16');
/** Whether the demonstration checkpoint has its weights; a tiny one stands in for it where it has not. */
export const hasDemoModel = existsSync(join(demoModel, 'model.safetensors'));

/** The engine's processes, which a test can hold back or kill. */
export class EngineControl {
  #pids: (number | null)[] = [];
  #held: (() => void)[] | null = null;

  /** The real engine; only its requests for traces wait while they are held. */
  readonly fork: ForkEngine = (script, listener, environment) => {
    const engine = forkEngine(script, listener, environment);
    this.#pids.push(engine.pid);
    return {
      get pid() {
        return engine.pid;
      },
      post: (command: EngineCommand) => {
        if (command.type === 'trace' && this.#held !== null) this.#held.push(() => engine.post(command));
        else engine.post(command);
      },
      end: () => engine.end(),
      kill: () => engine.kill(),
    };
  };

  /** Makes every trace last until {@link release}. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const post of held) post();
  }

  /** Kills the youngest process, as a system short of memory does. */
  kill(): void {
    process.kill(this.#pids.at(-1)!, 'SIGKILL');
  }
}

/** The whole app, running: a new library, the server, and a browser that looks at it. */
export interface RunningApp {
  readonly folder: string;
  readonly workbench: Workbench;
  readonly face: BrowserFace;
  readonly engine: EngineControl;
  readonly browser: Browser;
  readonly context: BrowserContext;
  readonly page: Page;
  /** Addresses of everything that any page asked for. */
  readonly requests: string[];
  /** What the pages complained about. */
  readonly complaints: string[];
  /** Shows a view by its route. */
  readonly visit: (route: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface RunOptions {
  readonly samples?: boolean;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly scale?: number;
  /** Fills the library before it is opened. */
  readonly prepare?: (libraryFolder: string) => Promise<void>;
}

export async function startApp(options: RunOptions = {}): Promise<RunningApp> {
  const { samples = true, viewport = { width: 1440, height: 900 }, scale = 1 } = options;
  await ensureRenderer();
  const folder = mkdtempSync(join(tmpdir(), 'fundus-lens приложение '));
  mkdirSync(join(folder, 'downloads'));
  const libraryFolder = join(folder, 'Моя библиотека');
  await options.prepare?.(libraryFolder);
  const log = openLog(join(folder, 'logs'));
  const engine = new EngineControl();
  const workbench = await createWorkbench({
    libraryFolder,
    cacheFolder: join(folder, 'cache'),
    modelsFolder: join(folder, 'модели'),
    settingsFile: join(folder, 'settings.json'),
    logFolder: log.folder,
    engine: { fork: engine.fork },
    ...(samples ? {} : { samplesFolder: null }),
    ...(hasDemoModel ? {} : { demoModelFolder: null }),
    log,
  });
  await workbench.ready;
  if (!hasDemoModel) await workbench.client.models.addFolder({ folder: fixtureModel });
  const face = await startBrowserFace({
    router: workbench.router,
    openMedia: (id, view) => workbench.openMedia(id, view),
    rendererFolder,
    temporaryFolder: join(folder, 'temporary'),
    log,
  });
  const browser = await launchChromium();
  const context = await browser.newContext({
    viewport,
    deviceScaleFactor: scale,
    acceptDownloads: true,
    locale: 'en-GB',
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(30_000);
  const requests: string[] = [];
  const complaints: string[] = [];
  context.on('request', (request) => requests.push(request.url()));
  context.on('weberror', (error) => complaints.push(error.error().message));
  context.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  const page = await context.newPage();
  await page.goto(face.url);
  await page.getByTestId('library-view').waitFor();
  return {
    folder,
    workbench,
    face,
    engine,
    browser,
    context,
    page,
    requests,
    complaints,
    visit: async (route) => {
      // After a reload, the router hears of a changed address only once its first view stands.
      await page.locator('#main > :not(.loading)').first().waitFor();
      await page.evaluate((hash) => {
        location.hash = hash;
      }, `#${route}`);
      await page.waitForFunction((hash) => location.hash.startsWith(hash), `#${route}`);
    },
    close: async () => {
      engine.release();
      await browser.close();
      await face.close();
      await workbench.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
