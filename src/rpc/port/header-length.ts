/** Characters of all names and values. `rawHeaders`: alternating names and values. */
export function lengthOfHeaders(rawHeaders: readonly string[]): number {
  let length = 0;
  for (const text of rawHeaders) length += text.length;
  return length;
}
