import { lstatSync, type Stats, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fromFileError } from "../../base/files/file-errors.ts";
import { SafePath } from "../../base/files/safe-path.ts";
import type { SignedPlace } from "../contract/signing-messages.ts";

export interface FoundSignature {
  /** The signature's absolute path. */
  readonly file: string;
  /** The folder or the file that it is next to or in. Absolute. */
  readonly subject: string;
  readonly isFolder: boolean;
  /** Where below the subject the client's path leads; "": to the subject itself. */
  readonly path: string;
}

/** In the folder of a model. Beside a folder or a file, the signature is called like that, with this suffix. */
const name = "model.sig";
const suffix = ".sig";

/** The nearest signature of what lies at `place`: of the file or folder itself, or of a folder around it. If the path
 *  leads over links, that which the client wrote is tried first. Throws like `SafePath.follow`. Blocks. */
export function findSignature({
  path,
  name: written,
  roots,
}: SignedPlace): FoundSignature | undefined {
  const safePath = new SafePath(roots);
  const real = safePath.follow(path, written);
  return searchUp(path, safePath) ?? (path === real ? undefined : searchUp(real, safePath));
}

function searchUp(start: string, safePath: SafePath): FoundSignature | undefined {
  for (let subject = start; safePath.holds(subject); subject = dirname(subject)) {
    const isFolder = look(subject, statSync)?.isDirectory() === true;
    const beside = `${subject}${suffix}`;
    // What lies beside a root is outside of it.
    const places = [...(isFolder ? [join(subject, name)] : []), beside].filter((file) =>
      safePath.holds(file),
    );
    const file = places.find((each) => look(each, lstatSync) !== undefined);
    if (file !== undefined) return { file, subject, isFolder, path: relative(subject, start) };
    if (dirname(subject) === subject) return undefined;
  }
  return undefined;
}

/** Undefined if nothing is there. */
function look(path: string, stat: (path: string) => Stats): Stats | undefined {
  try {
    return stat(path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    // A name may be too long with the suffix.
    if (["ENOENT", "ENOTDIR", "ENAMETOOLONG"].includes(code)) return undefined;
    throw fromFileError(error, path);
  }
}
