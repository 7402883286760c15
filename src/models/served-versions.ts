/** Whether a folder of this name is a version of the model that it lies in: a whole number as people write it. Names
 *  with zeros in front are none, as in Triton: `01` beside `1` would be the same version twice. */
function isVersionName(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}

/** The one place that decides what is a version of a model; all are served, unless the model has a policy (see
 *  `versionsToServe`). `folders`: names of the folders in
 *  that of the model, of which those that are no versions are left out. Lowest first. */
export function servedVersions(folders: readonly string[]): string[] {
  return folders.filter(isVersionName).sort(compareVersions);
}

/** By value: version 10 is above version 9. BigInt because timestamps with digits beyond 2^53 are in use. */
export function compareVersions(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
