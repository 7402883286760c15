import { open, rm, stat, writeFile } from "node:fs/promises";
import type { Server } from "node:net";
import { join } from "node:path";
import { readRegularFile } from "../../base/regular-file.ts";
import { knock, listenForKnocks } from "./knock.ts";
import { hasEnded, isSameBoot, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** Of the signs that lie beside a folder, after its name. */
export const signSuffixes = [".lock", ".sock"] as const;

const beatMs = 30_000;
/** A process whose sign is older has ended, or its machine has; twenty beats. */
const staleMs = 600_000;
/** Versions that made no signs yet may still run, and change what they have once in a while. */
const unsignedStaleMs = 86_400_000;

interface Mark extends ProcessIdentity {
  /** The number of the file system where the process sees the sign. */
  readonly device: string;
}

/** By which others see that the owner of a folder lives, in other containers and on other machines too: the file
 *  `<name>.lock`, which says who it is and is written anew every half minute, and the unix socket `<name>.sock`. */
export class LifeSign {
  readonly #path: string;
  readonly #text: string;
  readonly #server: Server | undefined;
  readonly #timer: NodeJS.Timeout;
  #isBeating = false;

  private constructor(path: string, text: string, server: Server | undefined) {
    this.#path = path;
    this.#text = text;
    this.#server = server;
    this.#timer = setInterval(() => void this.#beat(), beatMs).unref();
  }

  /** For a folder `name` in `directory`, which has to exist. Rejects if it cannot be written there. */
  static async start(directory: string, name: string): Promise<LifeSign> {
    const path = join(directory, `${name}.lock`);
    const mark: Mark = { ...(await ownIdentity()), device: await deviceOf(directory) };
    const text = `${JSON.stringify(mark)}\n`;
    await writeFile(path, text, { mode: 0o644 });
    const server = await listenForKnocks(directory, `${name}.sock`);
    return new LifeSign(path, text, server);
  }

  /** Takes the signs away. Call it when the folder is gone. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#server?.close();
    for (const suffix of signSuffixes) {
      await rm(this.#path.replace(/\.lock$/, suffix), { force: true });
    }
  }

  /** Writes the same again: the time then comes from the clock of the disk, as that of all other signs. */
  async #beat(): Promise<void> {
    // A disk that hangs must not get hold of one thread after the other.
    if (this.#isBeating) return;
    this.#isBeating = true;
    try {
      const file = await open(this.#path, "r+");
      try {
        await file.write(this.#text, 0);
      } finally {
        await file.close();
      }
    } catch {
      // A disk that does not take it now may do so the next time.
    }
    this.#isBeating = false;
  }
}

/** Whether the owner of the folder `name` in `directory` has ended: by the process itself where it can be seen, else
 *  by its socket where that is in this very file system, else by the age of its sign. False if it lives or nobody can
 *  tell yet. `nowMs`: by the clock of the disk. */
export async function isLeftover(directory: string, name: string, nowMs: number): Promise<boolean> {
  const path = join(directory, `${name}.lock`);
  const sign = await stat(path).catch(() => undefined);
  if (sign === undefined) {
    const folder = await stat(join(directory, name)).catch(() => undefined);
    return folder === undefined || nowMs - folder.mtimeMs > unsignedStaleMs;
  }
  const mark = await readMark(path);
  const self = await ownIdentity();
  const ended = mark && (await hasEnded(mark, self));
  if (ended !== undefined) return ended;
  if (mark && isSameBoot(mark, self) && mark.device === (await deviceOf(directory))) {
    const answer = await knock(directory, `${name}.sock`);
    if (answer !== "unknown") return answer === "refused";
  }
  return nowMs - sign.mtimeMs > staleMs;
}

/** Undefined if it cannot be read, as another user's, or is not whole. */
async function readMark(path: string): Promise<Mark | undefined> {
  try {
    const mark = JSON.parse(String(await readRegularFile(path))) as Partial<Mark>;
    const { host, bootId, pidNamespace, pid, startTicks, device } = mark;
    const texts = [host, bootId, pidNamespace, startTicks, device];
    const isWhole = texts.every((text) => typeof text === "string") && Number.isInteger(pid);
    return isWhole ? (mark as Mark) : undefined;
  } catch {
    return undefined;
  }
}

async function deviceOf(path: string): Promise<string> {
  return String((await stat(path)).dev);
}
