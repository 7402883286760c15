import {
  closeSync,
  constants,
  type Dirent,
  fstatSync,
  openSync,
  type Stats,
  statSync,
} from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { RuntimeError } from "../errors.ts";

// Opening a FIFO blocks until another process writes, and with it one of the few threads that Node has for all
// files; a device may do anything. So the type is checked first, and again once the file is open, since the
// name may lead elsewhere by then. Without O_NONBLOCK, a FIFO that appeared between the two checks would block
// after all.

/** Windows has none of these flags. */
const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOCTTY ?? 0);

/** Opens a file for reading that others may have put there; the caller closes it. Rejects with
 *  "invalid-argument" if `path` leads to anything but a regular file, otherwise with the system's error. Never
 *  waits for a writer. */
export async function openRegularFile(path: string): Promise<FileHandle> {
  checkRegular(await stat(path), path);
  const file = await open(path, flags);
  try {
    checkRegular(await file.stat(), path);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Like `openRegularFile`, for threads that may block: returns a descriptor, which the caller closes, and the
 *  size in bytes. */
export function openRegularFileSync(path: string): { descriptor: number; sizeBytes: number } {
  checkRegular(statSync(path), path);
  const descriptor = openSync(path, flags);
  try {
    const found = fstatSync(descriptor);
    checkRegular(found, path);
    return { descriptor, sizeBytes: found.size };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/** Reads a whole file. Rejects like `openRegularFile`. */
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = await openRegularFile(path);
  try {
    return await file.readFile();
  } finally {
    await file.close();
  }
}

/** Throws "invalid-argument" with the type of `found`, unless it is a regular file. `what` names it. */
export function checkRegular(found: Stats, what: string): void {
  if (found.isFile()) return;
  const message = `${what} is ${nameOfType(found)}, expected a regular file`;
  throw new RuntimeError("invalid-argument", message);
}

/** With its article. */
export function nameOfType(found: Stats | Dirent): string {
  if (found.isFIFO()) return "a FIFO";
  if (found.isSocket()) return "a socket";
  if (found.isCharacterDevice() || found.isBlockDevice()) return "a device";
  return found.isDirectory() ? "a directory" : "of an unknown type";
}
