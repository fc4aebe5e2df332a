/**
 * What the engine's process and the desktop say to each other where the engine cannot start processes itself: the desktop's
 * binary is no Node, and only the window's process may start more of its kind.
 */
export interface ProbeOrder {
  readonly type: 'probe';
  readonly id: number;
  /** Absolute path. */
  readonly script: string;
  readonly args: readonly string[];
  /** Beside that of the window's process. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface ProbeEnd {
  readonly type: 'probed';
  readonly id: number;
  /** What the process reported; null when it ended without. */
  readonly report: unknown;
  /** How the process ended, in words. */
  readonly how: string;
  /** The last of what it wrote to stderr. */
  readonly log: string;
}
