import { hash, timingSafeEqual } from "node:crypto";
import type { Logger } from "pino";
import type { AccessSettings } from "../../config/access-settings.ts";
import { RenewedFiles } from "../port/renewed-files.ts";

/** What a token's bearer may do; "lifecycle" includes everything. */
export type TokenRight = "lifecycle" | "inference";

// RFC 6750, 2.1.
const tokenForm = /^[A-Za-z0-9\-._~+/]+=*$/;
/** Shorter tokens can be guessed. */
const minLetters = 16;

/** The tokens in the operator's files, which may change at any time. Only their hashes are kept. */
export class BearerTokens {
  readonly #files: readonly RenewedFiles[];
  readonly #hashes: Record<TokenRight, readonly Buffer[]> = { lifecycle: [], inference: [] };

  constructor(
    settings: Pick<AccessSettings, "lifecycleTokensPath" | "inferenceTokensPath">,
    log: Logger,
    intervalMs?: number,
  ) {
    const file = (right: TokenRight, path: string | undefined) => {
      if (path === undefined) return [];
      const use = ([content]: readonly Buffer[]) => {
        this.#hashes[right] = readTokens(String(content)).map(hashOf);
      };
      return [new RenewedFiles({ paths: [path], use, log, intervalMs })];
    };
    this.#files = [
      ...file("lifecycle", settings.lifecycleTokensPath),
      ...file("inference", settings.inferenceTokensPath),
    ];
  }

  /** Whether there is a token file at all. */
  get areUsed(): boolean {
    return this.#files.length > 0;
  }

  /** Rejects with "failed-precondition" if a file cannot be used. */
  async open(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.open()));
  }

  close(): void {
    for (const file of this.#files) file.close();
  }

  /** Undefined if the token is unknown. Takes equally long for every token. */
  rightOf(token: string): TokenRight | undefined {
    const hashed = hashOf(token);
    const mayChange = isAmong(hashed, this.#hashes.lifecycle);
    const mayInfer = isAmong(hashed, this.#hashes.inference);
    if (mayChange) return "lifecycle";
    return mayInfer ? "inference" : undefined;
  }
}

function hashOf(token: string): Buffer {
  return hash("sha256", token, "buffer");
}

function isAmong(hashed: Buffer, known: readonly Buffer[]): boolean {
  let found = false;
  // Compares all, whatever was found.
  for (const each of known) found = timingSafeEqual(each, hashed) || found;
  return found;
}

/** One token per line; empty lines and those that start with "#" are ignored. Throws for anything that is not
 *  a token, without quoting it. */
export function readTokens(content: string): string[] {
  // Replacing a file in place empties it first. To revoke all tokens, leave a comment in it.
  if (content.trim() === "") throw new Error("the file is empty");
  const lines = content.split("\n").map((line) => line.trim());
  for (const [at, line] of lines.entries()) {
    if (line === "" || line.startsWith("#")) continue;
    if (!tokenForm.test(line)) {
      throw new Error(`line ${at + 1} is not a token: letters, digits and -._~+/ without spaces`);
    }
    if (line.length < minLetters) {
      throw new Error(`line ${at + 1} is a token of fewer than ${minLetters} characters`);
    }
  }
  return lines.filter((line) => line !== "" && !line.startsWith("#"));
}
