import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { isLeftover, LifeSign, signSuffixes } from "./leftovers/life-sign.ts";

const prefix = "process-";
/** When folders are checked again whose owner may or may not have ended. */
const lookAgainMs = 300_000;

/** A folder that belongs to this process alone, `process-<host>-<number>` below `parent`, so that several
 *  runtimes can share the parent, in one container or on several machines. The signs of life beside each folder
 *  show which owners have ended. */
export class ProcessFolder {
  readonly parent: string;
  #path: Promise<string> | undefined;
  #sign: LifeSign | undefined;
  #lookAgain: NodeJS.Timeout | undefined;

  constructor(parent: string) {
    this.parent = parent;
  }

  /** Its absolute path; created on first use. */
  path(): Promise<string> {
    this.#path ??= this.#make();
    // The disk may be mounted later, so a failure is not remembered.
    this.#path.catch(() => {
      this.#path = undefined;
    });
    return this.#path;
  }

  /** Removes the folders of processes that have ended, and later those of processes that have been silent for
   *  too long by then. Nothing to remove is not an error. Rejects after all were tried if one cannot be
   *  removed. */
  async removeOthers(): Promise<void> {
    clearTimeout(this.#lookAgain);
    const own = await this.#path?.catch(() => undefined);
    const names = await readdir(this.parent).catch(() => []);
    const others = new Set(names.filter((name) => name.startsWith(prefix)).map(withoutSuffix));
    others.delete(own?.slice(this.parent.length + 1) ?? "");
    if (others.size === 0) return;
    const nowMs = await clockOf(this.parent);
    const failures: unknown[] = [];
    let isAnyLeft = false;
    for (const name of others) {
      if (!(await isLeftover(this.parent, name, nowMs))) isAnyLeft = true;
      else await this.#remove(name).catch((error: unknown) => failures.push(error));
    }
    if (isAnyLeft) {
      const look = () => void this.removeOthers().catch(() => {});
      this.#lookAgain = setTimeout(look, lookAgainMs).unref();
    }
    if (failures.length > 0) throw failures[0];
  }

  /** Removes the folder itself. */
  async remove(): Promise<void> {
    clearTimeout(this.#lookAgain);
    const path = await this.#path?.catch(() => undefined);
    if (path === undefined) return;
    await rm(path, { recursive: true, force: true });
    await this.#sign?.stop();
  }

  /** The folder is removed first: without its sign the owner would be unknown. */
  async #remove(name: string): Promise<void> {
    for (const suffix of ["", ...signSuffixes]) {
      await rm(join(this.parent, `${name}${suffix}`), { recursive: true, force: true });
    }
  }

  async #make(): Promise<string> {
    const host = hostname()
      .replaceAll(/[^\w-]/g, "_")
      .slice(0, 64);
    const name = `${prefix}${host}-${randomBytes(4).toString("hex")}`;
    const path = join(this.parent, name);
    await mkdir(this.parent, { recursive: true });
    const sign = await LifeSign.start(this.parent, name);
    try {
      await mkdir(path, { mode: 0o700 });
    } catch (error) {
      await sign.stop();
      throw error;
    }
    this.#sign = sign;
    return path;
  }
}

function withoutSuffix(name: string): string {
  const suffix = signSuffixes.find((each) => name.endsWith(each)) ?? "";
  return name.slice(0, name.length - suffix.length);
}

/** The time by the clock that files in `directory` are stamped with, which may be another machine's. */
async function clockOf(directory: string): Promise<number> {
  const path = join(directory, `.clock-${randomBytes(8).toString("hex")}`);
  try {
    await writeFile(path, "");
    return (await stat(path)).mtimeMs;
  } finally {
    await rm(path, { force: true });
  }
}
