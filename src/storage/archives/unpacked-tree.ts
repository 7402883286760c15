import { copyFile, link, mkdir, open, rm, stat } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { toDiskError } from "../contract/store-errors.ts";
import { badArchive } from "./archive-entry.ts";

interface Node {
  readonly isFolder: boolean;
  /** The number of the archive that it came from. */
  readonly archive: number;
  readonly sizeBytes: number;
  /** Names of what lies directly in a folder. */
  readonly children: Set<string>;
}

/** As for folders in stores. */
const maxFiles = 100_000;
/** Links to links. */
const maxRounds = 40;

/** Files and folders that archives are unpacked into, one archive after the other. Only this object writes to the
 *  folder, and it makes no symbolic links there: no path can lead out. */
export class UnpackedTree {
  readonly #folder: string;
  readonly #onBytes: (bytes: number) => void;
  readonly #nodes = new Map<string, Node>();
  /** Name → target, of the current archive. */
  readonly #links = new Map<string, string>();
  /** Folders that the current archive has emptied. */
  readonly #emptied = new Set<string>();
  #archive = 0;
  #what = "";
  #files = 0;
  /** What lies at the top. */
  readonly #top = new Set<string>();

  /** `folder`: exists, and is empty. `onBytes`: called before bytes are written, and with negative numbers after
   *  some were removed; throws to stop. */
  constructor(folder: string, onBytes: (bytes: number) => void) {
    this.#folder = folder;
    this.#onBytes = onBytes;
  }

  get fileCount(): number {
    return this.#files;
  }

  /** `what`: the archive's name, for messages. */
  startArchive(what: string): void {
    this.#archive++;
    this.#what = what;
    this.#links.clear();
    this.#emptied.clear();
  }

  async makeFolder(name: string): Promise<void> {
    if (this.#nodes.get(name)?.isFolder === true) return;
    this.#links.delete(name);
    await this.#makeWay(name);
    this.#add(name, true);
    await mkdir(join(this.#folder, name), { recursive: true });
  }

  /** Replaces a file of this name, as the later entry of a tar archive does. */
  async writeFile(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    await this.#makeWay(name);
    this.#links.delete(name);
    this.#add(name, false);
    const path = join(this.#folder, name);
    const file = await open(path, "wx").catch((error: unknown) => {
      throw toDiskError(error, name);
    });
    let sizeBytes = 0;
    try {
      for await (const chunk of content) {
        this.#onBytes(chunk.length);
        // Counted at once: a failure half way has to be counted back.
        sizeBytes += chunk.length;
        await file.writeFile(chunk).catch((error: unknown) => {
          throw toDiskError(error, name);
        });
      }
    } finally {
      await file.close();
      this.#resize(name, sizeBytes);
    }
  }

  /** The file `name` will have the content of `target`, which the archive may hold further on. */
  async addLink(name: string, target: string): Promise<void> {
    await this.#removeOwn(name);
    this.#links.set(name, target);
  }

  /** Gives each link the file that it leads to. Call it at the end of an archive. */
  async makeLinks(): Promise<void> {
    for (let round = 0; this.#links.size > 0; round++) {
      const before = this.#links.size;
      for (const [name, target] of this.#links) {
        if (this.#links.has(target) && target !== name) continue;
        const found = this.#nodes.get(target);
        if (found === undefined || found.isFolder) {
          const where = found === undefined ? "to nothing" : "to a folder";
          const problem = `'${name}' is a link ${where} ('${target}'), expected one to a file of it`;
          throw badArchive(this.#what, problem);
        }
        this.#links.delete(name);
        await this.#copy(target, name);
      }
      if (this.#links.size === before || round === maxRounds) {
        throw badArchive(this.#what, `'${[...this.#links.keys()][0]}' is a loop of links`);
      }
    }
  }

  /** Removes what earlier archives brought at `name`, or with `keepsFolder` what they brought below it. */
  async removeLower(name: string, keepsFolder: boolean): Promise<void> {
    if (this.#emptied.has(name)) return;
    this.#emptied.add(name);
    const below = this.#below(name);
    for (const each of keepsFolder || name === "" ? below : [...below, name]) {
      const node = this.#nodes.get(each);
      // A folder that holds newer files stays.
      if (node?.archive === this.#archive || (node?.children.size ?? 0) > 0) continue;
      await this.#remove(each);
    }
  }

  /** Makes the folders above `name`, and room for it. */
  async #makeWay(name: string): Promise<void> {
    for (const above of ancestorsOf(name)) {
      if (this.#links.has(above)) throw this.#conflict(above);
      if (this.#nodes.get(above)?.isFolder === true) continue;
      await this.#removeOwn(above, true);
      this.#add(above, true);
    }
    await this.#removeOwn(name);
    await mkdir(dirname(join(this.#folder, name)), { recursive: true }).catch((error: unknown) => {
      throw toDiskError(error, name);
    });
  }

  /** Removes what is at `name`: a file, unless `isLowerOnly`, or what an earlier archive brought. */
  async #removeOwn(name: string, isLowerOnly = false): Promise<void> {
    const found = this.#nodes.get(name);
    if (found === undefined) return;
    const isOwn = found.archive === this.#archive;
    if (isOwn && (found.isFolder || isLowerOnly)) throw this.#conflict(name);
    const all = [...this.#below(name), name];
    if (all.some((each) => each !== name && this.#nodes.get(each)?.archive === this.#archive)) {
      throw this.#conflict(name);
    }
    for (const each of all) await this.#remove(each);
  }

  async #copy(from: string, to: string): Promise<void> {
    await this.#makeWay(to);
    this.#add(to, false);
    const [source, path] = [join(this.#folder, from), join(this.#folder, to)];
    try {
      await link(source, path);
      // Its bytes stay when one of the two is removed.
      this.#resize(from, 0);
    } catch {
      // Some file systems have no hard links.
      const { size } = await stat(source);
      this.#onBytes(size);
      await copyFile(source, path).catch((error: unknown) => {
        throw toDiskError(error, to);
      });
      this.#resize(to, size);
    }
  }

  #add(name: string, isFolder: boolean): void {
    const node = { isFolder, archive: this.#archive, sizeBytes: 0, children: new Set<string>() };
    this.#nodes.set(name, node);
    this.#siblingsOf(name).add(name);
    if (!isFolder) this.#files++;
    if (this.#nodes.size <= maxFiles) return;
    throw badArchive(this.#what, `it has more than ${maxFiles} files and folders`);
  }

  #resize(name: string, sizeBytes: number): void {
    const node = this.#nodes.get(name);
    if (node !== undefined) this.#nodes.set(name, { ...node, sizeBytes });
  }

  async #remove(name: string): Promise<void> {
    const found = this.#nodes.get(name);
    if (found === undefined) return;
    this.#nodes.delete(name);
    this.#siblingsOf(name).delete(name);
    await rm(join(this.#folder, name), { recursive: true, force: true });
    if (found.isFolder) return;
    this.#files--;
    this.#onBytes(-found.sizeBytes);
  }

  #siblingsOf(name: string): Set<string> {
    const folder = posix.dirname(name);
    return this.#nodes.get(folder)?.children ?? this.#top;
  }

  /** What lies below `name`, everything before the folder that it is in. */
  #below(name: string): string[] {
    const found: string[] = [];
    const waiting = [...(name === "" ? this.#top : (this.#nodes.get(name)?.children ?? []))];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      found.push(next);
      waiting.push(...(this.#nodes.get(next)?.children ?? []));
    }
    return found.reverse();
  }

  #conflict(name: string) {
    return badArchive(this.#what, `it has '${name}' both as a file and as a folder`);
  }
}

function ancestorsOf(name: string): string[] {
  const folders: string[] = [];
  for (let at = posix.dirname(name); at !== "."; at = posix.dirname(at)) folders.unshift(at);
  return folders;
}
