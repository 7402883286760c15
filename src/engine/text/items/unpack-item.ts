import { lengthBytes } from "../../../base/bytes-elements.ts";
import { flags, headBytes, knownFlags, truncateCodes, wishes } from "./item-layout.ts";
import type { TextItem, TruncateTo } from "./text-item.ts";

/** Reads one element that `packItems` has made. Undefined for all other bytes. */
export function unpackItem(element: Uint8Array): TextItem | undefined {
  const bytes = Buffer.from(element.buffer, element.byteOffset, element.byteLength);
  if (bytes.length < headBytes) return undefined;
  const bits = bytes.readUInt8(0);
  const want = wishes[bytes.readUInt8(1)];
  const isCutBothWays = (bits & flags.left) !== 0 && (bits & flags.right) !== 0;
  if (want === undefined || bits > knownFlags || isCutBothWays) return undefined;
  const common = {
    addSpecial: (bits & flags.addSpecial) !== 0,
    truncate: truncateOf(bytes.readUInt32LE(2)),
    truncateSide: sideOf(bits),
    want,
  };
  if ((bits & flags.ids) !== 0) {
    const ids = (bits & (flags.pair | flags.prompt)) === 0 ? idsOf(bytes) : undefined;
    return ids && { ids, ...common };
  }
  const parts = new Parts(bytes);
  const prompt = (bits & flags.prompt) === 0 ? undefined : parts.next();
  const text = parts.next();
  const pair = (bits & flags.pair) === 0 ? undefined : parts.next();
  return parts.isWhole && text !== undefined ? { text, pair, prompt, ...common } : undefined;
}

function truncateOf(code: number): TruncateTo {
  if (code === truncateCodes.error) return "error";
  return code === truncateCodes.model ? "model" : code;
}

function sideOf(bits: number): "left" | "right" | undefined {
  if ((bits & flags.left) !== 0) return "left";
  return (bits & flags.right) === 0 ? undefined : "right";
}

function idsOf(bytes: Buffer): Int32Array | undefined {
  const count = (bytes.length - headBytes) / Int32Array.BYTES_PER_ELEMENT;
  if (!Number.isInteger(count)) return undefined;
  const ids = new Int32Array(count);
  for (let at = 0; at < count; at++) ids[at] = bytes.readInt32LE(headBytes + 4 * at);
  return ids;
}

/** The texts of an item, in order. */
class Parts {
  readonly #bytes: Buffer;
  #at = headBytes;
  #isBroken = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Whether all of them were as long as they said, and nothing is left. */
  get isWhole(): boolean {
    return !this.#isBroken && this.#at === this.#bytes.length;
  }

  next(): string | undefined {
    const start = this.#at + lengthBytes;
    const end = start <= this.#bytes.length ? start + this.#bytes.readUInt32LE(this.#at) : start;
    this.#isBroken ||= end > this.#bytes.length;
    if (this.#isBroken) return undefined;
    this.#at = end;
    return this.#bytes.toString("utf8", start, end);
  }
}
