import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

const ownName = /^process-(\d+)-(\w+)$/;

/** A folder that belongs to this process alone, `process-<pid>-<start>` below `parent`, so that several
 *  runtimes may share the parent. What those left behind that have ended is found by its name. */
export class ProcessFolder {
  readonly #parent: string;
  #path: Promise<string> | undefined;

  constructor(parent: string) {
    this.#parent = parent;
  }

  /** Its absolute path; makes it the first time. */
  path(): Promise<string> {
    this.#path ??= this.#make();
    // A disk that is mounted later must not be held against it.
    this.#path.catch(() => {
      this.#path = undefined;
    });
    return this.#path;
  }

  /** Removes the folders of processes that have ended. Nothing to remove is no error. */
  async removeOthers(): Promise<void> {
    const names = await readdir(this.#parent).catch(() => []);
    for (const name of names) {
      const [, pid, start] = ownName.exec(name) ?? [];
      if (pid === undefined || start === undefined) continue;
      if ((await startOf(Number(pid))) === start) continue;
      await rm(join(this.#parent, name), { recursive: true, force: true });
    }
  }

  /** Removes the folder itself. */
  async remove(): Promise<void> {
    const path = await this.#path?.catch(() => undefined);
    if (path !== undefined) await rm(path, { recursive: true, force: true });
  }

  async #make(): Promise<string> {
    const start = (await startOf(process.pid)) ?? "0";
    const path = join(this.#parent, `process-${process.pid}-${start}`);
    await rm(path, { recursive: true, force: true });
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }
}

/** When a process was started, in ticks since the boot; tells it from another one with its number, as it has
 *  in every container. "0" where the system does not say, undefined if there is no such process. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in parentheses, may have spaces and parentheses in it.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    if (process.platform === "linux") return undefined;
  }
  try {
    process.kill(pid, 0);
    return "0";
  } catch {
    return undefined;
  }
}
