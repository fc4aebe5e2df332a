/** One line of a menu. */
export interface MenuAction {
  readonly text: string;
  readonly testid?: string;
  readonly disabled?: boolean;
  readonly run: () => unknown;
}
