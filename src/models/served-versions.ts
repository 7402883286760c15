/** Whether a folder of this name is a version of the model around it: an integer without leading zeros. As in
 *  Triton, `01` is not a version: beside `1` it would be the same version twice. */
function isVersionName(name: string): boolean {
  return /^(0|[1-9]\d*)$/.test(name);
}

/** The only place that decides what is a version of a model. All versions are served, unless the model has a
 *  policy (see `versionsToServe`). `folders`: names of the folders in the model's folder; those that are not
 *  versions are left out. Lowest version first. */
export function servedVersions(folders: readonly string[]): string[] {
  return folders.filter(isVersionName).sort(compareVersions);
}

/** Compares by value: version 10 is above version 9. BigInt, because timestamps with more than 53 bits are in
 *  use. */
export function compareVersions(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
