import { mapElements } from "../../../base/bytes-elements.ts";
import { RuntimeError } from "../../../base/errors.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The elements of a BYTES tensor as strings. `data` is well formed (see `checkTensorBytes`). Throws
 *  RuntimeError "invalid-argument" for what an engine with C strings cannot take: bytes that are not UTF-8,
 *  and NUL, at which it would cut the element. */
export function decodeStrings(data: Uint8Array, what: string): string[] {
  let index = 0;
  return mapElements(data, (start, end) =>
    decodeElement(data.subarray(start, end), `${what}: element ${index++}`),
  );
}

function decodeElement(bytes: Uint8Array, what: string): string {
  if (bytes.includes(0)) {
    throw new RuntimeError("invalid-argument", `${what} holds a NUL, which the engine cannot take`);
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new RuntimeError(
      "invalid-argument",
      `${what} is not valid UTF-8, which the engine needs for BYTES`,
    );
  }
}
