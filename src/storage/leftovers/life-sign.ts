import { open, rm, stat, writeFile } from "node:fs/promises";
import type { Server } from "node:net";
import { join } from "node:path";
import { readRegularFile } from "../../base/files/regular-file.ts";
import { knock, listenForKnocks } from "./knock.ts";
import { hasEnded, isSameBoot, ownIdentity, type ProcessIdentity } from "./process-identity.ts";

/** The extensions of the signs beside a folder, after its name. */
export const signSuffixes = [".lock", ".sock"] as const;

const beatMs = 30_000;
/** A process with an older sign has ended, or its machine has; twenty beats. */
const staleMs = 600_000;
/** Old versions without signs may still run, and write to their folders once in a while. */
const unsignedStaleMs = 86_400_000;

interface Mark extends ProcessIdentity {
  /** The number of the file system in which the process sees the sign. */
  readonly device: string;
}

/** Shows other containers and machines that the owner of a folder lives. It consists of the file `<name>.lock`,
 *  which identifies the owner and is rewritten every half minute, and the unix socket `<name>.sock`. */
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

  /** For a folder `name` in `directory`, which must exist. Rejects if the sign cannot be written there. */
  static async start(directory: string, name: string): Promise<LifeSign> {
    const path = join(directory, `${name}.lock`);
    const mark: Mark = { ...(await ownIdentity()), device: await deviceOf(directory) };
    const text = `${JSON.stringify(mark)}\n`;
    await writeFile(path, text, { mode: 0o644 });
    const server = await listenForKnocks(directory, `${name}.sock`);
    return new LifeSign(path, text, server);
  }

  /** Removes the signs. Call it when the folder is gone. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#server?.close();
    for (const suffix of signSuffixes) {
      await rm(this.#path.replace(/\.lock$/, suffix), { force: true });
    }
  }

  /** Writes the same content again: the time then comes from the disk's clock, like that of all other signs. */
  async #beat(): Promise<void> {
    // A hanging disk must not block one thread after the other.
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
      // A failed write may succeed the next time.
    }
    this.#isBeating = false;
  }
}

/** Whether the owner of the folder `name` in `directory` has ended. Decided by the process itself if it can be
 *  seen, otherwise by its socket if that is in this very file system, otherwise by the age of its sign. False
 *  if the owner lives, or if it cannot be told yet. `nowMs`: by the disk's clock. */
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

/** Undefined if it cannot be read, such as another user's, or is incomplete. */
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
