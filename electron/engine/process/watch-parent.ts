import { Worker } from 'node:worker_threads';

/** Milliseconds between two looks. */
const interval = 2000;

/**
 * Ends this process once its parent is gone. The channel to the parent shows the same sooner, but only to a process whose
 * thread is free: one that hangs in a computation or a driver would live on, with a core and the model's memory. So a
 * thread of its own looks, which nothing in the first can hold up.
 *
 * The program of the thread is a text and not a file, so that bundling cannot lose it.
 */
export function watchParent(): void {
  const parent = process.ppid;
  const watcher = new Worker(
    `
const { parent, interval } = require('node:worker_threads').workerData;
const isAlive = () => {
  // Where a system gives orphans to another process, the number changes; elsewhere the parent can be asked for.
  if (process.ppid !== parent) return false;
  try {
    process.kill(parent, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};
setInterval(() => {
  if (!isAlive()) process.kill(process.pid, 'SIGKILL');
}, interval);
`,
    { eval: true, workerData: { parent, interval }, resourceLimits: { maxOldGenerationSizeMb: 16 } },
  );
  // A system that gives no thread any more still has the line to the parent.
  watcher.on('error', () => undefined);
  watcher.unref();
}
