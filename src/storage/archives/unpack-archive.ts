import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Readable, Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { RuntimeError } from "../../base/errors.ts";
import type { ArchiveFormat, ArchiveRule } from "../contract/remote-storage.ts";
import { toDiskError } from "../contract/store-errors.ts";
import { type ArchiveEntry, badArchive } from "./archive-entry.ts";
import { ByteReader } from "./byte-reader.ts";
import { entryPath, isAbove, targetPath } from "./entry-path.ts";
import { readTar } from "./read-tar.ts";
import { readZip } from "./read-zip.ts";
import type { UnpackedTree } from "./unpacked-tree.ts";
import { readWhiteout } from "./whiteout.ts";

export interface UnpackOptions {
  readonly signal: AbortSignal;
  /** Bytes that one archive may unpack to, in all its files together. */
  readonly limitBytes: number;
  /** The archive's name, for messages. */
  readonly what: string;
}

/** Real models are packed to a tenth at best, except where they are small. */
const maxRatio = 200;
const freeBytes = 64 * 1024 * 1024;
/** Images of operating systems have some ten thousand. */
const maxEntries = 1_000_000;
const chunkBytes = 256 * 1024;

/** Unpacks the archive at `path` into `tree`. Nothing that it names lies outside of the tree's folder, and no link
 *  is made. Rejects with the signal's reason or a RuntimeError: "invalid-argument" (damaged, not allowed, too
 *  large), "over-budget" (the disk). Files that were written until then remain. */
export async function unpackArchive(
  path: string,
  rule: ArchiveRule,
  tree: UnpackedTree,
  options: UnpackOptions,
): Promise<void> {
  const { signal, what } = options;
  const { size } = await stat(path);
  const limit = new SizeLimit(size, options);
  let entries = 0;
  tree.startArchive(what);
  try {
    for await (const entry of entriesOf(path, rule.format, limit)) {
      signal.throwIfAborted();
      if (++entries > maxEntries) throw badArchive(what, `it has more than ${maxEntries} entries`);
      await take(entry, { rule, tree, limit });
    }
    await tree.makeLinks();
  } catch (error) {
    signal.throwIfAborted();
    throw toArchiveError(error, what);
  }
}

interface Job {
  readonly rule: ArchiveRule;
  readonly tree: UnpackedTree;
  readonly limit: SizeLimit;
}

async function take(entry: ArchiveEntry, { rule, tree, limit }: Job): Promise<void> {
  const { below, isLayer } = rule;
  const { what } = limit;
  const full = entryPath(entry.name, isLayer, what);
  const whiteout = isLayer ? readWhiteout(full) : undefined;
  if (whiteout !== undefined) {
    const name = isAbove(whiteout.path, below) ? "" : within(whiteout.path, below);
    if (name !== undefined) await tree.removeLower(name, whiteout.keepsFolder || name === "");
    return;
  }
  const name = within(full, below);
  if (name === undefined || (name === "" && entry.kind === "folder")) return;
  if (name === "") throw badArchive(what, `'${entry.name.slice(0, 200)}' is not a folder`);
  switch (entry.kind) {
    case "file":
      return await tree.writeFile(name, limit.watch(entry.bytes()));
    case "folder":
      return await tree.makeFolder(name);
    case "link":
    case "hard link": {
      const found = targetPath({ path: full, entry, isFromTop: isLayer, what });
      const target = within(found, below);
      if (target !== undefined && target !== "") return await tree.addLink(name, target);
      throw badArchive(what, `'${name}' is a link that leads out of ${below || "it"}`);
    }
    default:
      throw badArchive(what, `'${name}' is a ${entry.kind}, expected files, folders and links`);
  }
}

/** `path` without the folder `below`; undefined if it lies elsewhere. */
function within(path: string, below: string): string | undefined {
  if (below === "") return path;
  if (path === below) return "";
  return path.startsWith(`${below}/`) ? path.slice(below.length + 1) : undefined;
}

async function* entriesOf(
  path: string,
  format: ArchiveFormat,
  limit: SizeLimit,
): AsyncGenerator<ArchiveEntry> {
  const { what } = limit;
  if (format === "zip") {
    yield* readZip(path, what);
    return;
  }
  const file = createReadStream(path, { highWaterMark: chunkBytes });
  const unpacked: Readable = format === "tar" ? file : file.pipe(decompressor(format));
  file.on("error", (error) => unpacked.destroy(error));
  // The receiver may have given up before.
  unpacked.on("error", () => {});
  try {
    yield* readTar(new ByteReader(limit.count(unpacked)), what);
  } finally {
    unpacked.destroy();
    file.destroy();
  }
}

function decompressor(format: "tar+gzip" | "tar+zstd"): Transform {
  if (format === "tar+gzip") return createGunzip({ chunkSize: chunkBytes });
  return createZstdDecompress({ chunkSize: chunkBytes });
}

/** Ends archives that unpack to too much: to more than the limit, or than a model can be packed to. */
class SizeLimit {
  readonly what: string;
  readonly #mostBytes: number;
  readonly #limitBytes: number;
  readonly #packedBytes: number;
  readonly #signal: AbortSignal;
  #isCounted = false;
  #bytes = 0;

  constructor(packedBytes: number, { limitBytes, what, signal }: UnpackOptions) {
    this.what = what;
    this.#limitBytes = limitBytes;
    this.#packedBytes = packedBytes;
    this.#mostBytes = Math.min(limitBytes, freeBytes + maxRatio * packedBytes);
    this.#signal = signal;
  }

  /** Counts everything that `chunks` has, whether it is used or not. */
  count(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.#isCounted = true;
    return this.#counted(chunks);
  }

  /** Counts the content of one entry, unless the whole archive is counted. */
  watch(content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return this.#isCounted ? content : this.#counted(content);
  }

  async *#counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      this.#signal.throwIfAborted();
      this.#bytes += chunk.length;
      if (this.#bytes > this.#mostBytes) throw this.#tooLarge();
      yield chunk;
    }
  }

  #tooLarge(): RuntimeError {
    const problem =
      this.#mostBytes === this.#limitBytes
        ? `it unpacks to more than ${this.#limitBytes} bytes (PULL_UNPACK_BYTES)`
        : `its ${this.#packedBytes} bytes unpack to more than ${this.#mostBytes}, which no model does`;
    return badArchive(this.what, problem);
  }
}

function toArchiveError(reason: unknown, what: string): RuntimeError {
  if (reason instanceof RuntimeError) return reason;
  const { code } = reason as NodeJS.ErrnoException;
  // Codes of zlib and of zstd.
  if (/^(Z_|ZSTD_)/.test(String(code))) {
    const isCut = code === "Z_BUF_ERROR" || code === "ZSTD_error_srcSize_wrong";
    return badArchive(what, isCut ? "it ends too early" : "it is not compressed, or damaged");
  }
  return toDiskError(reason, what);
}
