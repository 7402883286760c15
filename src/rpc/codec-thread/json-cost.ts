import { RuntimeError } from "../../base/errors.ts";
import type { RestInferenceBody } from "../rest/request.ts";

/** Bytes of the heap that V8 takes at most for one more value, by the letter that announces it; measured with
 *  room for arrays that grow. */
const valueBytes = { ",": 24, "[": 48, "{": 64, '"': 20, ":": 24 } as const;

const costs = new Uint8Array(256);
for (const [letter, bytes] of Object.entries(valueBytes)) costs[letter.charCodeAt(0)] = bytes;

/** Of the heap, at most. The young generation and what was there before have room beside it. */
export const maxJsonHeapBytes = 256 * 1024 * 1024;

/** Throws "invalid-argument" if the JSON of the request would become larger than the thread's heap allows. The
 *  letters are counted wherever they stand: in strings, they make it count for too much. */
export function refuseCostlyJson(
  { body, jsonLength }: Pick<RestInferenceBody, "body"> & Partial<RestInferenceBody>,
  maxHeapBytes = maxJsonHeapBytes,
  advice = "send its tensors in binary form (binary_data_size)",
): void {
  const end = Math.min(Number(jsonLength ?? body.length), body.length);
  // The text itself is there beside its values.
  let heapBytes = end;
  for (let at = 0; at < end; at++) heapBytes += costs[body[at] as number] as number;
  if (heapBytes <= maxHeapBytes) return;
  throw new RuntimeError(
    "invalid-argument",
    `the request's ${end} bytes of JSON would take some ${toMiB(heapBytes)} MiB to read, the limit is ` +
      `${toMiB(maxHeapBytes)} MiB: ${advice}`,
  );
}

function toMiB(bytes: number): number {
  return Math.round(bytes / 1024 ** 2);
}
