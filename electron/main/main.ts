import { join } from 'node:path';
import { runDesktop } from './desktop.ts';

runDesktop({ builtFolder: join(import.meta.dirname, '..') });
