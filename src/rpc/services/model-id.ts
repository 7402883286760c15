import { RuntimeError } from "../../base/errors.ts";
import type { HeaderReader } from "../observe/header-reader.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The id of the model that a call is about: metadata "mm-model-id-bin" (UTF-8 as base64, padded or not), then
 *  "mm-model-id" (printable ASCII), then `field` of the request. ModelMesh always sends the first. Empty values
 *  count as absent. Throws "invalid-argument" if there is none or it is malformed. */
export function modelIdOf(header: HeaderReader, field: string): string {
  const binary = header.get("mm-model-id-bin");
  if (binary) return decodeBinaryId(binary);
  const plain = header.get("mm-model-id");
  if (plain) return checkPlainId(plain);
  if (field === "") {
    throw new RuntimeError(
      "invalid-argument",
      "no model id: name the model in the request, or in the metadata mm-model-id",
    );
  }
  return field;
}

function decodeBinaryId(value: string): string {
  // Buffer skips characters that are not base64 instead of refusing them, including the comma between two
  // joined values.
  const digits = value.replace(/={1,2}$/, "");
  if (!/^[A-Za-z0-9+/]+$/.test(digits) || digits.length % 4 === 1) {
    throw new RuntimeError("invalid-argument", "metadata mm-model-id-bin is not one base64 value");
  }
  try {
    return utf8.decode(Buffer.from(digits, "base64"));
  } catch (cause) {
    throw new RuntimeError("invalid-argument", "metadata mm-model-id-bin is not UTF-8", { cause });
  }
}

function checkPlainId(value: string): string {
  if (!/^[\x20-\x7e]+$/.test(value)) {
    throw new RuntimeError(
      "invalid-argument",
      "metadata mm-model-id has characters that are not printable ASCII: send the id as mm-model-id-bin",
    );
  }
  return value;
}
