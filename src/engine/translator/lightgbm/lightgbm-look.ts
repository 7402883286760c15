/** Whether a file with this head is a LightGBM model in its text form: "tree", and in the next line "version=". */
export function looksLikeLightgbm(head: Uint8Array): boolean {
  return /^tree\r?\nversion=/.test(Buffer.from(head.subarray(0, 32)).toString("latin1"));
}
