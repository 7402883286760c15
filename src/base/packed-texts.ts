import { lengthBytes } from "./bytes-elements.ts";

/** A BYTES tensor of `contents`: texts, which become UTF-8 in place, and bytes. */
export function packTexts(contents: readonly (string | Uint8Array)[]): Uint8Array {
  let sizeBytes = 0;
  for (const content of contents) {
    sizeBytes += lengthBytes;
    sizeBytes += typeof content === "string" ? Buffer.byteLength(content) : content.length;
  }
  const packed = Buffer.allocUnsafeSlow(sizeBytes);
  let at = 0;
  for (const content of contents) {
    const start = at + lengthBytes;
    if (typeof content === "string") {
      packed.writeUInt32LE(packed.write(content, start), at);
    } else {
      packed.set(content, start);
      packed.writeUInt32LE(content.length, at);
    }
    at = start + packed.readUInt32LE(at);
  }
  return packed;
}
