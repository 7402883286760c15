import { closeSync, fstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../../base/files/regular-file.ts";
import { SafePath } from "../../../base/files/safe-path.ts";

/** Where Linux has a name for each open file, which leads to that very file whatever happens to its path. */
export const descriptorFolder = "/proc/self/fd";

interface Held {
  readonly path: string;
  readonly descriptor: number;
}

/** Holds one model's files open from the check of where they lie until the engine has opened them. An engine
 *  takes names, not descriptors, and after any check a name can be turned into a link to somewhere else. So
 *  the engine gets the names of descriptors. Where descriptors have no names, files are checked again after
 *  the load. Everything here blocks. */
export class HeldFiles {
  readonly #safePath: SafePath | undefined;
  readonly #hasNames: boolean;
  /** By path. */
  readonly #held = new Map<string, Held>();

  /** `roots`: absolute directories, one of which must contain each file; undefined: no restriction.
   *  `hasNames`: whether descriptors have names; probed if absent. */
  constructor(roots?: readonly string[], hasNames = descriptorsHaveNames()) {
    this.#safePath = roots && new SafePath(roots);
    this.#hasNames = hasNames;
  }

  get hasNames(): boolean {
    return this.#hasNames;
  }

  /** Opens a file, once, and returns the name by which the engine should open it. Throws "invalid-argument"
   *  if `path` leads out of the roots or not to a regular file, "load-failed" if the file is gone, this
   *  process may not read it, or too many files are open, otherwise as `fromFileError`. */
  hold(path: string): string {
    const held = this.#held.get(path) ?? this.#open(path);
    return this.#hasNames ? nameOf(held) : path;
  }

  /** Call after the engine has opened the files. Throws "load-failed" if a path may have led elsewhere
   *  meanwhile; never where descriptors have names. */
  confirm(): void {
    if (this.#hasNames) return;
    for (const { path, descriptor } of this.#held.values()) {
      const found = statSync(path, { bigint: true, throwIfNoEntry: false });
      const { dev, ino } = fstatSync(descriptor, { bigint: true });
      if (found?.dev !== dev || found.ino !== ino || !isItself(path)) throw changed(path);
    }
  }

  /** After a failed load: throws "load-failed" if a file was removed or replaced meanwhile, since that is the
   *  cause. */
  explain(): void {
    for (const { path, descriptor } of this.#held.values()) {
      if (fstatSync(descriptor).nlink === 0) throw changed(path);
    }
    this.confirm();
  }

  /** A message from the engine, with paths in place of the names that it was given. */
  readable(message: string): string {
    if (!this.#hasNames) return message;
    const paths = new Map(
      [...this.#held.values()].map(({ path, descriptor }) => [descriptor, path]),
    );
    return message.replace(/\/*proc\/self\/fd\/(\d+)/g, (name, descriptor: string) => {
      return paths.get(Number(descriptor)) ?? name;
    });
  }

  close(): void {
    for (const { descriptor } of this.#held.values()) closeSync(descriptor);
    this.#held.clear();
  }

  #open(path: string): Held {
    const held = { path, descriptor: this.#openFile(path) };
    // Held before it is checked, so that it is closed in any case.
    this.#held.set(path, held);
    const place = this.#hasNames ? readlinkSync(nameOf(held)) : realpathSync.native(path);
    if (this.#safePath?.holds(place) === false) {
      throw new RuntimeError(
        "invalid-argument",
        `${path} leads out of the model directories (${this.#safePath.roots.join(", ")})`,
      );
    }
    return held;
  }

  #openFile(path: string): number {
    try {
      return openRegularFileSync(path).descriptor;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      const why = code === "EACCES" ? denied(path) : code === "EMFILE" && tooMany(this.#held.size);
      const told = fromFileError(error, path);
      // A load had begun, so the file existed then.
      if (why || told.kind === "failed-precondition") {
        throw new RuntimeError("load-failed", why || told.message, { cause: error });
      }
      throw told;
    }
  }
}

function nameOf({ descriptor }: Held): string {
  return `${descriptorFolder}/${descriptor}`;
}

/** A server that runs as root can read files of other users; its hosts cannot. */
function denied(path: string): string {
  return (
    `${path} is not readable: access denied to the engine host, which has no capabilities; ` +
    "make the server's user its owner, or make it readable by all users"
  );
}

function tooMany(held: number): string {
  return (
    `the model consists of more than ${held} files, which its engine host cannot have open at once: ` +
    "raise the open file limit (ulimit -n), or keep the weights in fewer files"
  );
}

/** `path` was free of links. */
function isItself(path: string): boolean {
  return realpathSync.native(path) === path;
}

function changed(path: string): RuntimeError {
  return new RuntimeError(
    "load-failed",
    `${path} was replaced while the model was loaded: load it again`,
  );
}

let haveNames: boolean | undefined;

/** Whether the names lead to the files themselves; systems other than Linux may give them another meaning. */
function descriptorsHaveNames(): boolean {
  haveNames ??= process.platform === "linux" && leadsToItself();
  return haveNames;
}

function leadsToItself(): boolean {
  const path = import.meta.filename;
  const { descriptor } = openRegularFileSync(path);
  try {
    const name = nameOf({ path, descriptor });
    const [here, there] = [fstatSync(descriptor), statSync(name)];
    return here.dev === there.dev && here.ino === there.ino && readlinkSync(name) !== "";
  } catch {
    return false;
  } finally {
    closeSync(descriptor);
  }
}
