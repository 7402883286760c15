import { lengthBytes } from "../../../base/bytes-elements.ts";
import { flags, headBytes, truncateCodes, wishes } from "./item-layout.ts";
import type { TextItem } from "./text-item.ts";

/** The data of a BYTES tensor with one element for each item. */
export function packItems(items: readonly TextItem[]): Uint8Array<ArrayBuffer> {
  const planned = items.map(plan);
  const sizeBytes = planned.reduce((sum, each) => sum + lengthBytes + each.sizeBytes, 0);
  const packed = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for (const { item, parts, sizeBytes: own } of planned) {
    at = packed.writeUInt32LE(own, at);
    at = writeItem(packed, at, { item, parts });
  }
  return packed;
}

interface PlannedItem {
  readonly item: TextItem;
  /** With their sizes, which are those of UTF-8. */
  readonly parts: readonly (readonly [text: string, sizeBytes: number])[];
  readonly sizeBytes: number;
}

function plan(item: TextItem): PlannedItem {
  const { text, ids, pair, prompt } = item;
  if (ids !== undefined) {
    if (text !== undefined || pair !== undefined || prompt !== undefined) {
      throw new Error("an item has ids and text, expected one of them");
    }
    return { item, parts: [], sizeBytes: headBytes + ids.length * Int32Array.BYTES_PER_ELEMENT };
  }
  if (text === undefined) throw new Error("an item has neither text nor ids");
  const parts = [prompt, text, pair]
    .filter((part) => part !== undefined)
    .map((part) => [part, Buffer.byteLength(part)] as const);
  const sizeBytes = parts.reduce((sum, [, bytes]) => sum + lengthBytes + bytes, headBytes);
  return { item, parts, sizeBytes };
}

/** Returns where it ends. */
function writeItem(
  packed: Buffer,
  start: number,
  { item, parts }: Pick<PlannedItem, "item" | "parts">,
): number {
  const { ids, pair, prompt, addSpecial, truncateSide, truncate, want = "tokens" } = item;
  const bits =
    (ids === undefined ? 0 : flags.ids) |
    (pair === undefined ? 0 : flags.pair) |
    (prompt === undefined ? 0 : flags.prompt) |
    (addSpecial ? flags.addSpecial : 0) |
    (truncateSide === undefined ? 0 : flags[truncateSide]);
  let at = packed.writeUInt8(bits, start);
  at = packed.writeUInt8(wishes.indexOf(want), at);
  at = packed.writeUInt32LE(truncateCodeOf(truncate), at);
  for (const id of ids ?? []) at = packed.writeInt32LE(id, at);
  for (const [part, sizeBytes] of parts) {
    at = packed.writeUInt32LE(sizeBytes, at);
    at += packed.write(part, at, sizeBytes, "utf8");
  }
  return at;
}

function truncateCodeOf(truncate: TextItem["truncate"]): number {
  if (truncate === "error" || truncate === "model") return truncateCodes[truncate];
  if (!Number.isSafeInteger(truncate) || truncate < 1) {
    throw new Error(`an item is cut to ${truncate} tokens, expected an integer of at least 1`);
  }
  return Math.min(truncate, truncateCodes.model - 1);
}
