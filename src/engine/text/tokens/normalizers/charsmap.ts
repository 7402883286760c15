import type { ConfigFields } from "../config-fields.ts";

/** The strings that a SentencePiece model replaces, and by what: a double-array trie of UTF-8, as darts-clone writes it,
 *  followed by the replacements, each with a NUL at its end. */
export class Charsmap {
  readonly #trie: Uint32Array;
  readonly #replacements: Buffer;

  /** Reads base64. Throws RuntimeError "invalid-argument" for anything else. */
  constructor(config: ConfigFields) {
    const key = "precompiled_charsmap";
    const bytes = Buffer.from(config.text(key), "base64");
    const trieBytes = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
    if (trieBytes === 0 || trieBytes % 4 !== 0 || trieBytes > bytes.length - 4) {
      throw config.malformed(key, "a map of SentencePiece in base64");
    }
    this.#trie = new Uint32Array(trieBytes / 4);
    for (let at = 0; at < this.#trie.length; at++) this.#trie[at] = bytes.readUInt32LE(4 + at * 4);
    this.#replacements = bytes.subarray(4 + trieBytes);
  }

  /** What takes the place of `text`: the replacement of its shortest prefix that has one; otherwise undefined. */
  lookUp(text: string): string | undefined {
    const trie = this.#trie;
    let node = offsetOf(trie[0] as number);
    for (const byte of Buffer.from(text, "utf8")) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = trie[node];
      if (unit === undefined || labelOf(unit) !== byte) return undefined;
      node ^= offsetOf(unit);
      if (unit & 0x100) return this.#replacementAt((trie[node] ?? 0) & 0x7fffffff);
    }
    return undefined;
  }

  #replacementAt(start: number): string {
    const end = this.#replacements.indexOf(0, start);
    return this.#replacements.toString("utf8", start, end === -1 ? undefined : end);
  }
}

function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

function labelOf(unit: number): number {
  return (unit & 0x800000ff) >>> 0;
}
