/**
 * p by rank among controls that are exchangeable with the reading when nothing is shown: (1 + #controls ≥) / (n + 1).
 * Never interpolated, never below 1 / (n + 1).
 *
 * @param controls any number, also none: then 1
 */
export function rankP(value: number, controls: ArrayLike<number>): number {
  let atLeast = 1;
  for (let index = 0; index < controls.length; index++) if (controls[index]! >= value) atLeast++;
  return atLeast / (controls.length + 1);
}

/** The least p that so many controls can give. */
export function attainableP(numControls: number): number {
  return 1 / (numControls + 1);
}
