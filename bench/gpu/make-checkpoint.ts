/** Writes a random checkpoint of a released shape and prints its folder. Usage: node make-checkpoint.ts PARENT SHAPE [DEPTH] */

import { fullShapes, makeRandomCheckpoint, reduceDepth } from '../checkpoints/random-checkpoint.ts';

const [parent, name, depth] = process.argv.slice(2) as [string, keyof typeof fullShapes, string | undefined];
const shape = fullShapes[name];
const reduced = depth === undefined ? shape : reduceDepth(shape, Number(depth));
process.stdout.write(makeRandomCheckpoint(parent, reduced, 'BF16'));
