import { z } from 'zod';
import { providerNames } from '../../engine/lens-trace/lens-trace.ts';
import { call } from '../call.ts';

export const appInfoSchema = z.object({
  name: z.literal('fundus-lens'),
  version: z.string(),
  node: z.string(),
  platform: z.string(),
  /** The newest library schema that this version writes. */
  librarySchema: z.int().positive(),
  /** Absolute paths; null where the face has none. */
  folders: z.object({
    library: z.string(),
    cache: z.string(),
    models: z.string(),
    logs: z.string().nullable(),
  }),
  /** In the order in which `auto` tries them; whether one works is known when a model loads. */
  providers: z.array(z.enum(providerNames)),
  /** True when nothing may leave this computer. */
  offline: z.boolean(),
  cpuCores: z.int().positive(),
  memoryBytes: z.int().positive(),
});

export const licenceSchema = z.object({ name: z.string(), version: z.string(), licence: z.string() });

export type AppInfo = z.infer<typeof appInfoSchema>;

export type Licence = z.infer<typeof licenceSchema>;

export const app = {
  info: call.output(appInfoSchema),
  /** What the software is made of. */
  licences: call.output(z.array(licenceSchema)),
};
