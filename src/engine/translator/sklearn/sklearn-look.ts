import { constants, gunzipSync, inflateSync } from "node:zlib";

/** Bytes of a compressed head that are unpacked: deflate expands up to a thousandfold. */
const packedBytes = 4096;
/** Modules of estimators that the translator may know. */
const modules = ["sklearn.", "xgboost.sklearn", "lightgbm.sklearn"];

/** Whether `head` begins a pickle, a joblib file or a skops archive of a model that may be translated. By content, whatever its
 *  name. `head`: the first bytes of a file, 64 KiB are enough. */
export function looksLikeSklearn(head: Uint8Array): boolean {
  if (head[0] === 0x50 && head[1] === 0x4b) return looksLikeSkops(head);
  const content = unpacked(head);
  if (content === undefined || content[0] !== 0x80) return false;
  const protocol = content[1] ?? 0;
  if (protocol < 2 || protocol > 5) return false;
  const text = Buffer.from(content).toString("latin1");
  return modules.some((module) => text.includes(module));
}

/** The first file of the archive is an array, named by a number, or the schema. */
function looksLikeSkops(head: Uint8Array): boolean {
  const bytes = Buffer.from(head);
  const name = bytes.toString(
    "latin1",
    30,
    30 + Math.min(bytes.length < 30 ? 0 : bytes.readUInt16LE(26), 64),
  );
  return name === "schema.json" || /^\d+\.(?:npy|bin)$/.test(name);
}

function unpacked(head: Uint8Array): Uint8Array | undefined {
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  const isZlib = head[0] === 0x78 && ((head[0] << 8) | (head[1] ?? 0)) % 31 === 0;
  if (!isGzip && !isZlib) return head;
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 4096 * packedBytes };
    return (isGzip ? gunzipSync : inflateSync)(head.subarray(0, packedBytes), options);
  } catch {
    return undefined;
  }
}
