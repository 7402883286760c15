import { isUtf8 } from "node:buffer";

/** Unicode's private planes, in blocks of one character for each byte from 0x80 on. */
const firstPrivate = 0xf0000;
const blockSize = 128;
const lastBlock = 0x10ff80;

/** Examines a model's texts, to find characters that none of them has. */
export class StringSurvey {
  /** Whether one of the texts is not UTF-8. */
  hasOthers = false;
  readonly #usedBlocks = new Set<number>();

  see(text: Buffer): void {
    if (!isUtf8(text)) this.hasOthers = true;
    // Characters of the private planes begin with these bytes.
    if (!text.includes(0xf3) && !text.includes(0xf4)) return;
    for (const character of text.toString()) {
      const code = character.codePointAt(0) as number;
      if (code >= firstPrivate) this.#usedBlocks.add(code - (code % blockSize));
    }
  }

  /** Undefined if all texts are UTF-8, or if no block is free. */
  escape(): StringEscape | undefined {
    if (!this.hasOthers) return undefined;
    for (let block = lastBlock; block >= firstPrivate; block -= blockSize) {
      if (!this.#usedBlocks.has(block)) return new StringEscape(block);
    }
    return undefined;
  }
}

/** Writes bytes as UTF-8 and back. ONNX Runtime's binding passes texts as JavaScript strings, in which bytes
 *  that are not UTF-8 would be lost: each is mapped to a character of a block that the model does not use. */
export class StringEscape {
  readonly #block: number;
  readonly #pattern: RegExp;

  /** `block`: the first of 128 characters. */
  constructor(block: number) {
    this.#block = block;
    const [first, last] = [block, block + blockSize - 1].map((code) => `\\u{${code.toString(16)}}`);
    this.#pattern = new RegExp(`[${first}-${last}]`, "u");
  }

  /** Undefined for bytes that are UTF-8, which stay unchanged. */
  escape(bytes: Buffer): Buffer | undefined {
    if (isUtf8(bytes)) return undefined;
    let text = "";
    for (let at = 0; at < bytes.length; ) {
      const length = characterBytes(bytes, at);
      if (length === 0) {
        text += String.fromCodePoint(this.#block + (bytes[at] as number) - blockSize);
        at++;
      } else {
        text += bytes.toString("utf8", at, at + length);
        at += length;
      }
    }
    return Buffer.from(text);
  }

  /** Whether `text` has characters that stand for bytes. */
  isEscaped(text: string): boolean {
    return this.#pattern.test(text);
  }

  /** The bytes that `text` stands for. */
  unescape(text: string): Buffer {
    if (!this.isEscaped(text)) return Buffer.from(text);
    const parts: Buffer[] = [];
    for (const part of text.split(new RegExp(`(${this.#pattern.source})`, "u"))) {
      const code = (part.codePointAt(0) ?? 0) - this.#block;
      const isByte = code >= 0 && code < blockSize;
      parts.push(isByte ? Buffer.of(code + blockSize) : Buffer.from(part));
    }
    return Buffer.concat(parts);
  }
}

/** Length of the UTF-8 character that begins there; 0 if none does. */
function characterBytes(bytes: Buffer, at: number): number {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    if (isUtf8(bytes.subarray(at, at + length))) return length;
  }
  return 0;
}
