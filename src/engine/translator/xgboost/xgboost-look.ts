/** What the first bytes of a file say: an XGBoost model as JSON or UBJSON, or in the binary format of old versions. The
 *  name of such a file says nothing: `.bst`, `.model`, `.json` and `.ubj` may hold any of the three. */
export type XgboostKind = "json" | "ubjson" | "binary";

const brace = 0x7b;
const quote = 0x22;
/** What the outermost object of a model, or of a pickled booster, starts with. Versions write keys in this order. */
const firstKeys = ["learner", "Config", "Model", "version"];

/** Whether `head`, the first bytes of a file, belongs to an XGBoost model. */
export function looksLikeXgboost(head: Uint8Array): boolean {
  return xgboostKind(head) !== undefined;
}

export function xgboostKind(head: Uint8Array): XgboostKind | undefined {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  if (text.toString("latin1", 0, 4) === "binf") return "binary";
  if (text[0] !== brace && !/^\s/.test(text.toString("latin1", 0, 1))) return undefined;
  const start = text.toString("latin1", 0, 64).trimStart();
  if (start.charCodeAt(0) !== brace) return undefined;
  const next = start.slice(1).trimStart();
  if (next.charCodeAt(0) === quote || next === "") {
    return text.includes('"learner"') ? "json" : undefined;
  }
  return firstKeys.some((key) => startsWithKey(text, key)) ? "ubjson" : undefined;
}

/** Whether an object of UBJSON starts with `key`: a brace, the type and the bytes of a length, and the key. */
function startsWithKey(text: Buffer, key: string): boolean {
  const widths: Record<string, number> = { i: 1, U: 1, I: 2, l: 4, L: 8 };
  const width = widths[String.fromCharCode(text[1] ?? 0)];
  if (width === undefined) return false;
  return (
    text[1 + width] === key.length &&
    text.toString("latin1", 2 + width, 2 + width + key.length) === key
  );
}
