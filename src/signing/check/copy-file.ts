import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  realpathSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import type { SafePath } from "../../base/files/safe-path.ts";
import { type DigestName, newHasher } from "../digests/hasher.ts";
import type { SignedPart } from "./read-statement.ts";

export interface SignedFile {
  /** Absolute. */
  readonly from: string;
  /** Does not exist yet. Absolute. */
  readonly to: string;
  /** For messages: the path that the signature has. */
  readonly name: string;
  readonly digestName: DigestName;
  readonly parts: readonly SignedPart[];
}

export interface CopyOptions {
  /** Whether links to files of this user, which no other may write, do as well as copies. */
  readonly mayLink: boolean;
  /** Which files links may lead to; undefined: there are no links, and a file whose name has become one meanwhile
   *  passes only with the bytes that were signed. */
  readonly safePath: SafePath | undefined;
  /** Called after each piece; may throw. */
  readonly onPiece: () => void;
}

const pieceBytes = 1024 * 1024;
const piece = Buffer.allocUnsafe(pieceBytes);

/** Copies a file and checks the bytes that it writes, so that nothing which happens to the original matters. Returns the
 *  number of bytes. Throws "failed-precondition" if they are not those that were signed, "over-budget" if there is no
 *  room, otherwise as `fromFileError`. Blocks. */
export function copySigned(file: SignedFile, options: CopyOptions): number {
  makeCopyFolder(dirname(file.to));
  if (options.mayLink && tryLink(file)) return checkSigned(file, options, undefined);
  const descriptor = inCopy(file.to, () => openSync(file.to, "wx", 0o600));
  try {
    return checkSigned(file, options, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** As `mkdir -p`, for this user alone. Throws as `copySigned`. Blocks. */
export function makeCopyFolder(path: string): void {
  inCopy(path, () => mkdirSync(path, { recursive: true, mode: 0o700 }));
}

/** Returns whether `to` is now a link to a file that only this user can change. */
function tryLink({ from, to }: SignedFile): boolean {
  try {
    linkSync(realpathSync.native(from), to);
  } catch {
    // Another file system, or one without links.
    return false;
  }
  const { descriptor } = openRegularFileSync(to);
  try {
    const { uid, mode } = fstatSync(descriptor);
    const writableByOthers = constants.S_IWGRP | constants.S_IWOTH;
    if (uid === process.getuid?.() && (mode & writableByOthers) === 0) return true;
  } finally {
    closeSync(descriptor);
  }
  rmSync(to);
  return false;
}

function checkSigned(file: SignedFile, options: CopyOptions, copy: number | undefined): number {
  const path = copy === undefined ? file.to : file.from;
  const descriptor = openOrExplain(path);
  try {
    if (copy !== undefined && options.safePath) refuseOutside(descriptor, path, options.safePath);
    let at = 0;
    for (const { end, digest } of file.parts) {
      const hasher = newHasher(file.digestName);
      const limit = end ?? Number.MAX_SAFE_INTEGER;
      while (at < limit) {
        const bytes = readPiece(descriptor, Math.min(pieceBytes, limit - at), at, path);
        if (bytes.length === 0) break;
        at += bytes.length;
        hasher.update(bytes);
        if (copy !== undefined) writeAll(copy, bytes, file.to);
        options.onPiece();
      }
      if (end !== undefined && at < end) throw changed(file, `it ends at byte ${at}`);
      if (!hasher.digest().equals(digest)) {
        const where = file.parts.length > 1 ? ` in the shard that ends at byte ${at}` : "";
        throw changed(file, `its ${file.digestName} is another${where}`);
      }
    }
    if (readPiece(descriptor, 1, at, path).length > 0) {
      throw changed(file, `it has more than ${at} bytes`);
    }
    return at;
  } finally {
    closeSync(descriptor);
  }
}

function openOrExplain(path: string): number {
  try {
    return openRegularFileSync(path).descriptor;
  } catch (error) {
    throw fromFileError(error, path);
  }
}

/** A name can be turned into a link at any time, so the open file is asked where it lies. */
function refuseOutside(descriptor: number, path: string, safePath: SafePath): void {
  let place: string;
  try {
    place = readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    place = realpathSync.native(path);
  }
  if (!safePath.holds(place)) {
    throw new RuntimeError(
      "failed-precondition",
      `${path} leads out of the model directories (${safePath.roots.join(", ")})`,
    );
  }
}

function readPiece(descriptor: number, length: number, at: number, path: string): Buffer {
  try {
    return piece.subarray(0, readSync(descriptor, piece, 0, length, at));
  } catch (error) {
    throw fromFileError(error, path);
  }
}

function writeAll(descriptor: number, bytes: Buffer, path: string): void {
  inCopy(path, () => {
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  });
}

/** What goes wrong with a copy is no fault of the model. */
function inCopy<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isFull = code === "ENOSPC" || code === "EDQUOT";
    throw new RuntimeError(
      isFull ? "over-budget" : "temporarily-unavailable",
      `the verified copy ${path} ${isFull ? "has no room on its disk" : "cannot be written"} (MODEL_SIGNING_DIR): ${describeError(error)}`,
      { cause: error },
    );
  }
}

function changed({ name }: SignedFile, why: string): RuntimeError {
  return new RuntimeError("failed-precondition", `${name} is not the file that was signed: ${why}`);
}
