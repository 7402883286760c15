import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  fstatSync,
  linkSync,
  readFileSync,
  readSync,
} from "node:fs";
import { fromFileError } from "../../base/files/file-errors.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import { openRegularFileSync } from "../../base/files/regular-file.ts";
import type { TabularFacts } from "../contract/engine.ts";
import type { InspectedFiles } from "../contract/model-format.ts";
import { readSeal } from "./seal.ts";
import { readFacts } from "./translated-facts.ts";

// What file threads do for translations. It blocks.

export interface FileDigest {
  /** SHA-256, as hexadecimal digits. */
  readonly digest: string;
  /** The `fileIdentity` of what was read. */
  readonly identity: string;
  /** Its first bytes. */
  readonly head: Uint8Array;
}

/** A file that a translator made, found whole. */
export interface WholeFile {
  /** Its `fileIdentity`. */
  readonly identity: string;
  readonly splits: number;
  readonly facts: TabularFacts;
}

/** The same, inspected as an ONNX file. */
export interface TranslatedFile extends WholeFile {
  readonly inspected: InspectedFiles;
}

/** An entry of a store, and where a link to it goes; nothing is there yet. */
export interface EntryLink {
  readonly entry: string;
  readonly path: string;
}

const chunkBytes = 1024 * 1024;
/** Of the head of each file: enough to tell whether it is compressed. */
const keptBytes = 16;
/** ONNX files have less than 2 GiB. */
const mostBytes = 2 ** 31 - 1;

/** Reads the whole file. Throws RuntimeError as `fromFileError` makes it. */
export function digestFile(file: string): FileDigest {
  try {
    const { descriptor } = openRegularFileSync(file);
    try {
      const identity = fileIdentity(fstatSync(descriptor, { bigint: true }));
      const hash = createHash("sha256");
      let head: Uint8Array | undefined;
      for (const chunk of chunksOf(descriptor)) {
        head ??= chunk.slice(0, keptBytes);
        hash.update(chunk);
      }
      return { digest: hash.digest("hex"), identity, head: head ?? new Uint8Array(0) };
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromFileError(error, file);
  }
}

/** Undefined unless `file` is the whole translation of this key. Throws RuntimeError as `fromFileError` makes it. */
export function checkTranslated(file: string, key: string): WholeFile | undefined {
  let bytes: Buffer;
  let identity: string;
  try {
    const { descriptor, sizeBytes } = openRegularFileSync(file);
    try {
      if (sizeBytes > mostBytes) return undefined;
      identity = fileIdentity(fstatSync(descriptor, { bigint: true }));
      bytes = readFileSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw fromFileError(error, file);
  }
  const seal = readSeal(bytes);
  if (seal?.key !== key) return undefined;
  return { identity, splits: seal.splits, facts: readFacts(bytes) };
}

/** Makes a link to the entry, or a copy: some file systems have no links, and some allow a number of them. Whether there
 *  is an entry, and it could be done. */
export function linkEntry({ entry, path }: EntryLink): boolean {
  try {
    linkSync(entry, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
  }
  try {
    copyFileSync(entry, path, constants.COPYFILE_EXCL);
    return true;
  } catch {
    return false;
  }
}

/** Each is overwritten by the next one. */
function* chunksOf(descriptor: number): Generator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; ; ) {
    const read = readSync(descriptor, buffer, 0, chunkBytes, at);
    if (read === 0) return;
    yield buffer.subarray(0, read);
    at += read;
  }
}
