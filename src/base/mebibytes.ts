/** `bytes` in whole MiB, as error messages give them. */
export function mebibytes(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}
