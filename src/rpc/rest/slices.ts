import { isUtf8 } from "node:buffer";
import { setImmediate as turn } from "node:timers/promises";
import type { Tensor } from "../../base/tensor.ts";
import { longElement, piecesOf, slicesOf } from "../codec/tensor-slices.ts";
import { encodeData } from "./json-tensor.ts";
import { areUtf8, type BytesForm } from "./strings.ts";

// Long tensors as JSON, a slice at a time: the event loop turns in between.

/** `wanted`, or "base64" where an element of BYTES is not UTF-8. */
export async function bytesFormOf(tensor: Tensor, wanted: BytesForm): Promise<BytesForm> {
  if (tensor.datatype !== "BYTES" || wanted === "base64") return wanted;
  for (const slice of slicesOf(tensor)) {
    const content = longElement(tensor, slice);
    if (content === undefined) {
      if (!areUtf8(slice)) return "base64";
      await turn();
      continue;
    }
    for (const piece of piecesOf(content, "text")) {
      if (!isUtf8(piece)) return "base64";
      await turn();
    }
  }
  return "text";
}

/** The elements of `tensor` in JSON, with commas between them and no brackets around them. Throws as
 *  `encodeData`. */
export async function* dataSlices(tensor: Tensor, bytesForm: BytesForm): AsyncGenerator<Buffer> {
  let comma = "";
  for (const data of slicesOf(tensor)) {
    const content = longElement(tensor, data);
    if (content === undefined) {
      const elements = encodeData({ ...tensor, data }, bytesForm).data;
      yield Buffer.from(`${comma}${JSON.stringify(elements).slice(1, -1)}`);
      await turn();
    } else {
      yield Buffer.from(`${comma}"`);
      for (const piece of piecesOf(content, bytesForm)) {
        const text = bytesForm === "base64" ? piece.toString("base64") : jsonText(piece);
        yield Buffer.from(text);
        await turn();
      }
      yield Buffer.from('"');
    }
    comma = ",";
  }
}

/** What stands between the quotes. */
function jsonText(utf8: Buffer): string {
  return JSON.stringify(utf8.toString()).slice(1, -1);
}
