import type { BigIntStats } from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { dirname } from "node:path";
import { fileIdentity } from "../../src/base/files/file-identity.ts";
import type { OpenWorks } from "./open-work.ts";

/** Everything below is virtual; all other paths are left to the real disk. */
export const virtualRoot = "/virtual-models";

interface Entry {
  readonly isFile: boolean;
  readonly bytes: number;
  /** Stands for everything that changes when a file does. */
  readonly edition: number;
}

/** What is asked of a disk. */
type Question = "stat" | "readdir" | "open";

/** A disk whose answers come when they are told to, or at once. */
export class VirtualDisk {
  readonly #works: OpenWorks;
  readonly #answersAtOnce: boolean;
  readonly #entries = new Map<string, Entry>();
  #edition = 0;

  constructor(works: OpenWorks, options: { readonly answersAtOnce: boolean }) {
    this.#works = works;
    this.#answersAtOnce = options.answersAtOnce;
    this.#makeFolder(virtualRoot);
  }

  /** Writes a file, and the folders on its way. */
  write(path: string, bytes: number): void {
    this.#makeFolder(dirname(path));
    this.#entries.set(path, { isFile: true, bytes, edition: ++this.#edition });
  }

  /** Removes a file or a folder with all that is in it. */
  remove(path: string): void {
    for (const key of [...this.#entries.keys()]) {
      if (key === path || key.startsWith(`${path}/`)) this.#entries.delete(key);
    }
  }

  has(path: string): boolean {
    return this.#entries.has(path);
  }

  /** As `fileIdentity` of a file, or of the model in a folder; undefined if it is not there. */
  identityOf(path: string): string | undefined {
    const entry = this.#entries.get(path);
    if (entry?.isFile === false) return this.identityOf(`${path}/model.onnx`);
    return entry && fileIdentity(statsOf(entry));
  }

  /** Answers `stat`, `readdir` and `open` of node:fs/promises for virtual paths. Returns the function
   *  that ends that. `current`: the disk of the moment. */
  static install(current: () => VirtualDisk | undefined): () => void {
    const { stat, readdir, open } = fsPromises;
    const real: Record<string, unknown> = { stat, readdir, open };
    const divert = (name: Question) => {
      const ofDisk = real[name] as (...args: unknown[]) => Promise<unknown>;
      return (path: unknown, ...rest: unknown[]): Promise<unknown> => {
        const disk = current();
        if (disk === undefined || typeof path !== "string" || !path.startsWith(virtualRoot)) {
          return ofDisk(path, ...rest);
        }
        return disk.#ask(name, path);
      };
    };
    Object.assign(fsPromises, {
      stat: divert("stat"),
      readdir: divert("readdir"),
      open: divert("open"),
    });
    syncBuiltinESMExports();
    return () => {
      Object.assign(fsPromises, real);
      syncBuiltinESMExports();
    };
  }

  #ask(name: Question, path: string): Promise<unknown> {
    const answer = Promise.withResolvers<unknown>();
    const settle = (outcome: number) => {
      const entry = this.#entries.get(path);
      const refuse = (code: string) => {
        answer.reject(Object.assign(new Error(`${code}: ${name} '${path}'`), { code }));
        return code;
      };
      if (outcome >= 97) return refuse("EMFILE");
      if (entry === undefined) return refuse("ENOENT");
      // Files with text, such as settings, are not simulated: there are none.
      if (name === "open") return refuse("EIO");
      if (name === "stat") answer.resolve(statsOf(entry));
      else answer.resolve(this.#list(path));
      return "answered";
    };
    if (this.#answersAtOnce) settle(0);
    else this.#works.add({ label: `${name} ${path}`, settle });
    return answer.promise;
  }

  #list(folder: string): unknown[] {
    const found: unknown[] = [];
    for (const [path, { isFile }] of this.#entries) {
      if (dirname(path) !== folder) continue;
      const name = path.slice(folder.length + 1);
      found.push({
        name,
        isFile: () => isFile,
        isDirectory: () => !isFile,
        isSymbolicLink: () => false,
      });
    }
    return found;
  }

  #makeFolder(path: string): void {
    if (path.length > virtualRoot.length) this.#makeFolder(dirname(path));
    if (!this.has(path)) this.#entries.set(path, { isFile: false, bytes: 0, edition: 0 });
  }
}

/** Both of what stat gives with `bigint` and without, as far as the runtime reads it. */
function statsOf({ isFile, bytes, edition }: Entry): BigIntStats {
  return {
    isFile: () => isFile,
    isDirectory: () => !isFile,
    dev: 1n,
    ino: edition,
    size: bytes,
    mtimeMs: edition,
    mtimeNs: BigInt(edition),
  } as unknown as BigIntStats;
}
