import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { screen } from 'electron';
import type { BrowserWindow, Rectangle } from 'electron';
import { z } from 'zod';

/** Pixels; the smallest window that the views are made for. */
export const smallestWindow = { width: 1024, height: 700 } as const;
const firstWindow = { width: 1440, height: 900 } as const;

const windowStateSchema = z.strictObject({
  bounds: z.strictObject({ x: z.int(), y: z.int(), width: z.int().positive(), height: z.int().positive() }),
  maximized: z.boolean(),
});

export interface WindowPlacement {
  readonly bounds: Partial<Rectangle> & { readonly width: number; readonly height: number };
  readonly maximized: boolean;
}

/** Where the window was when it was closed; the middle of the screen when that is unknown or on no screen any more. */
export function readWindowState(file: string): WindowPlacement {
  try {
    const { bounds, maximized } = windowStateSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    const area = screen.getDisplayMatching(bounds).workArea;
    const isSeen =
      bounds.x < area.x + area.width &&
      bounds.y < area.y + area.height &&
      bounds.x + bounds.width > area.x &&
      bounds.y + bounds.height > area.y;
    if (isSeen) {
      const width = Math.max(bounds.width, smallestWindow.width);
      const height = Math.max(bounds.height, smallestWindow.height);
      return { bounds: { x: bounds.x, y: bounds.y, width, height }, maximized };
    }
  } catch {
    // The first start, or a file that was damaged: either way, begin anew.
  }
  return { bounds: { ...firstWindow }, maximized: false };
}

/** Keeps the file up to date with the window. */
export function rememberWindowState(window: BrowserWindow, file: string): void {
  window.on('close', () => {
    const state = { bounds: window.getNormalBounds(), maximized: window.isMaximized() };
    try {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.part`, JSON.stringify(state));
      renameSync(`${file}.part`, file);
    } catch {
      // A window that opens in the middle next time is no reason to stop one from closing.
    }
  });
}
