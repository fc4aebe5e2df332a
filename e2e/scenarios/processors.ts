import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoopbackFeed, makePackage } from '../../electron/model-hub/testing/loopback-feed.ts';
import type { FeedRequest } from '../../electron/model-hub/testing/loopback-feed.ts';
import type { RunningApp } from '../running-app.ts';

const isPackage = ({ what }: FeedRequest) => what === 'package';

/** What can be computed with is told, and the CUDA library asked for. None is put in place: its folder is that of all tests. */
export function processors(app: () => RunningApp): void {
  let feed: LoopbackFeed;
  beforeAll(async () => {
    const { version } = (await app().workbench.client.providers.list()).runtime;
    feed = await LoopbackFeed.start((await makePackage(version)).bytes, version);
  }, 120_000);
  afterAll(async () => {
    await app().workbench.client.settings.patch({ offline: true, cudaFeed: null });
    await feed.close();
  });
  const card = () => app().page.getByTestId('provider-settings');

  test('each is listed with its device, or the reason why it is not used', async () => {
    const { page, visit, workbench } = app();
    await page.keyboard.press('Escape');
    await visit('/settings');
    await card().getByTestId('provider-status').first().waitFor({ timeout: 60_000 });
    const { providers } = await workbench.client.providers.list();
    for (const { provider, works, device } of providers) {
      const row = card().locator(`[data-provider="${provider}"]`);
      expect(await row.getAttribute('data-works')).toBe(String(works));
      if (works && device !== null) expect(await row.innerText()).toContain(device);
    }
    const before = await card().innerText();
    await card().getByTestId('try-providers').click();
    await expect.poll(() => card().getAttribute('aria-busy'), { timeout: 60_000 }).toBe('false');
    expect(await card().innerText()).toBe(before);
  });

  describe.skipIf(process.platform !== 'linux' || process.arch !== 'x64')('the CUDA library', () => {
    test('is asked for only after a word, and its download can be stopped', async () => {
      const { page, workbench } = app();
      await workbench.client.settings.patch({ offline: true, cudaFeed: feed.address });
      feed.faults.push({ when: isPackage, stallAfter: 50_000 });
      await page.getByTestId('install-cuda').click();
      await expect.poll(() => page.getByTestId('start-cuda').isDisabled()).toBe(true);
      expect(await seriousProblems()).toEqual([]);
      await page.getByTestId('cuda-go-online').click();
      expect(await page.getByTestId('cuda-feed').inputValue()).toBe(feed.address);
      await expect.poll(() => page.getByTestId('start-cuda').isEnabled()).toBe(true);
      expect(feed.seen).toEqual([]);
      await page.getByTestId('start-cuda').click();
      const bar = card().getByRole('progressbar');
      await expect.poll(() => bar.getAttribute('aria-valuenow'), { timeout: 20_000 }).not.toBe('0');
      expect(await seriousProblems()).toEqual([]);
      await page.getByTestId('task-cancel').press('Enter');
      await page.getByTestId('install-cuda').waitFor();
      expect(await card().locator('.problem').count()).toBe(0);
    });

    test('that is not what its publisher says is refused in words', async () => {
      const { page } = app();
      feed.reset(feed.package);
      feed.faults.push({ when: isPackage, flipByte: 70_000 });
      await page.getByTestId('install-cuda').click();
      await page.getByTestId('start-cuda').click();
      await card().locator('.problem').waitFor({ timeout: 20_000 });
      await card().locator('.problem summary').click();
      expect(await card().innerText()).toContain('SHA-512');
      expect(await seriousProblems()).toEqual([]);
    });

    test('may be a file of this computer', async () => {
      const { page } = app();
      await page.getByTestId('install-cuda').click();
      await page.getByTestId('cuda-source').getByRole('radio').nth(1).click();
      await expect.poll(() => page.getByTestId('start-cuda').isDisabled()).toBe(true);
      await page.getByTestId('cuda-file').fill('/nowhere/пакет.nupkg');
      expect(await seriousProblems()).toEqual([]);
      await page.getByTestId('start-cuda').click();
      await card().locator('.problem summary').click({ timeout: 20_000 });
      await expect.poll(() => card().innerText()).toContain('/nowhere/пакет.nupkg');
    });
  });

  async function seriousProblems(): Promise<string[]> {
    const { violations } = await new AxeBuilder({ page: app().page }).setLegacyMode(true).analyze();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id} ${nodes[0]!.html.slice(0, 160)}`);
  }
}
