import type { ColorChannel } from '../image-adjustment.ts';

export interface EqualizeRequest {
  /** Absolute. */
  readonly url: string;
  readonly channel: ColorChannel;
}

export type EqualizeReply = { readonly picture: Blob } | { readonly failure: string };
