/** One line of a menu. */
export interface MenuAction {
  readonly text: string;
  readonly testid?: string;
  readonly disabled?: boolean;
  /** For a choice that is on or off; the menu stays open, so that several can be made. */
  readonly checked?: boolean;
  /** Heading above the first line of a group. */
  readonly heading?: string;
  readonly run: () => unknown;
}
