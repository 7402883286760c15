/** Keys that begin the JSON form of a CatBoost model. They are sorted there, and those of other libraries differ. */
const firstKeys = /^\s*\{\s*"(?:ctr_data|features_info|model_info|oblivious_trees)"\s*:/;

/** Whether a file with this head is a CatBoost model: `.cbm`, or JSON. */
export function looksLikeCatboost(head: Uint8Array): boolean {
  const text = Buffer.from(head.subarray(0, 256)).toString("latin1");
  return text.startsWith("CBM1") || firstKeys.test(text);
}
