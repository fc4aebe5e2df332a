/** A group or a tag of the sidebar. */
export interface RemovablePlace {
  readonly kind: 'group' | 'tag';
  readonly id: number;
  readonly name: string;
  readonly imageCount: number;
}
