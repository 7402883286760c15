import { RuntimeError } from "../../base/errors.ts";

/** Standard base64, padded or not. Throws "invalid-argument"; `what` names the text in the message.
 *  (Buffer alone skips what is not base64 instead of refusing it.) */
export function decodeBase64(text: string, what: string): Uint8Array {
  const digits = text.replace(/={1,2}$/, "");
  const padded = digits.length < text.length;
  if (
    !/^[A-Za-z0-9+/]*$/.test(digits) ||
    digits.length % 4 === 1 ||
    (padded && text.length % 4 !== 0)
  ) {
    throw new RuntimeError("invalid-argument", `${what} is not base64`);
  }
  return Buffer.from(digits, "base64");
}
