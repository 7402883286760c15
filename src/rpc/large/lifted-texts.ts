import { randomBytes } from "node:crypto";
import { setImmediate as turn } from "node:timers/promises";
import { refuseLongText } from "../guard/refuse-long-text.ts";

/** Shorter strings cost less where they stand: JSON.parse makes some 100,000 of them in ten milliseconds. */
const liftedBytes = 256;
/** Strings, or megabytes of backslashes, between two turns of the event loop. */
const stringsInTurn = 4_096;
const slashesInTurn = 1024 * 1024;

const quote = '"'.charCodeAt(0);
const backslash = "\\".charCodeAt(0);
const colon = ":".charCodeAt(0);

/** The long strings of a JSON text. In their place stand short ones, with a mark that no sender can guess. */
export class LiftedTexts {
  readonly #mark = randomBytes(15).toString("base64url");
  readonly #texts: Buffer[] = [];

  /** Keeps `text`, and returns what stands in its place. */
  add(text: Buffer): string {
    return `${this.#mark}${this.#texts.push(text) - 1}`;
  }

  /** What stood between the quotes, if `value` stands in the place of it. */
  of(value: string): Buffer | undefined {
    if (!value.startsWith(this.#mark)) return undefined;
    return this.#texts[Number(value.slice(this.#mark.length))];
  }
}

/** Takes the long strings out of a JSON text, as views: what is left is parsed in one go. The event loop turns
 *  meanwhile. Strings end where JSON ends them; whether the rest is JSON is for its parser to say. Throws
 *  "invalid_argument" at a key that is too long. */
export async function liftTexts(body: Buffer): Promise<{ json: Buffer; texts: LiftedTexts }> {
  const texts = new LiftedTexts();
  const pieces: Buffer[] = [];
  let copied = 0;
  let count = 0;
  for (let open = body.indexOf(quote); open !== -1; ) {
    const end = await endOfString(body, open + 1);
    const sizeBytes = end - open - 1;
    if (sizeBytes > liftedBytes) {
      if (isKey(body, end)) refuseLongText("a key of the message", sizeBytes);
      else {
        const mark = Buffer.from(texts.add(body.subarray(open + 1, end)));
        pieces.push(body.subarray(copied, open + 1), mark);
        copied = end;
      }
    }
    if (++count % stringsInTurn === 0) await turn();
    open = body.indexOf(quote, end + 1);
  }
  if (pieces.length === 0) return { json: body, texts };
  pieces.push(body.subarray(copied));
  return { json: Buffer.concat(pieces), texts };
}

/** Where the string whose content begins at `start` ends: at its second quote, or with the body. */
async function endOfString(body: Buffer, start: number): Promise<number> {
  for (let end = body.indexOf(quote, start); end !== -1; end = body.indexOf(quote, end + 1)) {
    let at = end;
    while (at > start && body[at - 1] === backslash) {
      at--;
      if ((end - at) % slashesInTurn === 0) await turn();
    }
    if ((end - at) % 2 === 0) return end;
  }
  return body.length;
}

function isKey(body: Buffer, end: number): boolean {
  let at = end + 1;
  while (at < body.length && (body[at] as number) <= 0x20) at++;
  return body[at] === colon;
}
