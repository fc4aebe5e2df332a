import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LoopbackHub, repository } from '../../electron/model-hub/testing/loopback-hub.ts';
import type { RunningApp } from '../running-app.ts';

const checkpoints = fileURLToPath(new URL('../../data/fixtures/checkpoints', import.meta.url));

/** Models come from a folder and from a hub, change their format, and go; all of it with the keyboard and in words. */
export function models(app: () => RunningApp): void {
  let hub: LoopbackHub;
  beforeAll(async () => {
    hub = await LoopbackHub.start(join(checkpoints, 'qwen2-5-vl-untied-f32'));
  });
  afterAll(async () => {
    await app().workbench.client.settings.patch({ offline: true, models: { endpoint: null } });
    await hub.close();
  });
  const stored = () => readdirSync(join(app().folder, 'модели'));
  const card = (name: string) => app().page.getByTestId('model-card').filter({ hasText: name });

  test('a folder says what it needs, and is used where it lies', async () => {
    const { page, visit } = app();
    await page.keyboard.press('Escape');
    await visit('/models');
    await page.getByTestId('open-add-model').click();
    await page.getByTestId('model-folder').fill(join(checkpoints, 'qwen2-vl-tied-f16'));
    await page.getByTestId('look-at-model').click();
    await page.getByTestId('model-offer').waitFor({ timeout: 20_000 });
    expect(await page.getByTestId('model-offer').innerText()).toContain('int4');
    expect(await seriousProblems()).toEqual([]);
    await page.getByTestId('add-model').click();
    await card('qwen2-vl-tied-f16').waitFor({ timeout: 20_000 });
    expect(existsSync(join(app().folder, 'модели')) ? stored() : []).toEqual([]);
  });

  test('a download needs a word first, is paused, goes on, and becomes a model', async () => {
    const { page, workbench } = app();
    await workbench.client.settings.patch({ offline: true, models: { endpoint: hub.endpoint } });
    let requests = 0;
    hub.faults.push({
      when: ({ file, host }) =>
        file === 'model.safetensors' && host.startsWith('localhost') && requests++ > 0,
      stallAfter: 400_000,
    });
    await page.getByTestId('open-add-model').click();
    await page.getByTestId('model-source').getByRole('radio').nth(1).click();
    await page.getByTestId('model-repository').fill(repository);
    await expect.poll(() => page.getByTestId('add-model').isDisabled()).toBe(true);
    expect(hub.seen).toEqual([]);
    await page.getByTestId('go-online').click();
    await expect.poll(() => page.getByTestId('add-model').isEnabled()).toBe(true);
    expect(await seriousProblems()).toEqual([]);
    await page.getByTestId('add-model').click();
    const task = page.getByTestId('task-row').filter({ hasText: repository });
    await task.getByTestId('task-action').click({ timeout: 20_000 });
    await expect.poll(() => task.getAttribute('data-state')).toBe('paused');
    expect(await card(repository).count()).toBe(0);
    expect(await seriousProblems()).toEqual([]);
    hub.reset();
    await task.getByTestId('task-action').press('Enter');
    await card(repository).waitFor({ timeout: 30_000 });
    expect(stored()).toHaveLength(1);
  });

  test('a prepared model stands beside its original', async () => {
    const { page } = app();
    await card(repository).getByTestId('prepare-model').click();
    expect(await seriousProblems()).toEqual([]);
    await page.getByTestId('start-prepare').click();
    await card(`${repository}-int4`).waitFor({ timeout: 120_000 });
    expect(await card(`${repository}-int4`).innerText()).toMatch(/int4/);
    expect(await seriousProblems()).toEqual([]);
  });

  test('a model of ours goes only after a word', async () => {
    const { page } = app();
    const target = card(`${repository}-int4`);
    await target.getByTestId('remove-model').click();
    await page.keyboard.press('Escape');
    expect(stored()).toHaveLength(2);
    await target.getByTestId('remove-model').click();
    await page.getByTestId('confirm-remove').click();
    await expect.poll(stored).toHaveLength(1);
  });

  async function seriousProblems(): Promise<string[]> {
    const { violations } = await new AxeBuilder({ page: app().page }).setLegacyMode(true).analyze();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id} ${nodes[0]!.html.slice(0, 160)}`);
  }
}
