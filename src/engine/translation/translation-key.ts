import { createHash } from "node:crypto";
import type { TranslationOptions } from "../translator/translation.ts";

/** To be raised whenever a translator makes something else of the same file. */
const translatorVersion = 1;

/** Names a translation: files of the same content and format have the same one, wherever they are. `digest`: SHA-256
 *  of the file's content. 64 hexadecimal digits. */
export function translationKey(
  format: string,
  digest: string,
  { rounds = "best" }: Pick<TranslationOptions, "rounds">,
): string {
  const all = JSON.stringify([translatorVersion, format, rounds, digest]);
  return createHash("sha256").update(all).digest("hex");
}
