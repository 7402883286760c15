import { type ArchiveEntry, badArchive } from "./archive-entry.ts";
import type { ByteReader } from "./byte-reader.ts";
import {
  isZeroBlock,
  paxFields,
  readHeader,
  type TarHeader,
  tarBlock,
  textOf,
} from "./tar-header.ts";

/** Long names and extended headers; real ones have some hundred bytes. */
const maxMetaBytes = 1024 * 1024;

/** What an extended header says about the entry after it. */
interface Extension {
  path?: string;
  linkpath?: string;
  size?: number;
  isSparse?: boolean;
}

/** The entries of a tar archive: ustar, pax and GNU. Throws "invalid-argument" for other content and for one
 *  that ends too early. `what` names the archive. */
export async function* readTar(reader: ByteReader, what: string): AsyncGenerator<ArchiveEntry> {
  let next: Extension = {};
  for (;;) {
    const block = await reader.take(tarBlock);
    if (block.length < tarBlock) throw badArchive(what, "it ends too early");
    if (isZeroBlock(block)) break;
    const header = readHeader(block);
    if (header === undefined) throw badArchive(what, "it is not a tar archive, or damaged");
    const meta = metaOf(header);
    if (meta === undefined) {
      const entry = entryOf(header, next);
      next = {};
      yield* withBody(reader, entry, what);
      continue;
    }
    if (header.sizeBytes > maxMetaBytes) throw badArchive(what, "it has a header without end");
    const body = await reader.take(padded(header.sizeBytes));
    if (body.length < padded(header.sizeBytes)) throw badArchive(what, "it ends too early");
    Object.assign(next, meta(body.subarray(0, header.sizeBytes)));
  }
  // What follows are zeros; a compressed archive has its checksum behind them.
  await reader.drain();
}

/** Yields `entry`, then passes over what of its content the receiver has left. */
async function* withBody(
  reader: ByteReader,
  entry: Omit<ArchiveEntry, "bytes">,
  what: string,
): AsyncGenerator<ArchiveEntry> {
  const total = entry.kind === "file" || entry.kind === "sparse file" ? entry.sizeBytes : 0;
  let read = 0;
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for await (const part of reader.pass(total - read)) {
      read += part.length;
      yield part;
    }
    if (read < total) throw badArchive(what, "it ends too early");
  }
  yield { ...entry, bytes };
  const left = padded(total) - read;
  if ((await reader.skip(left)) < left) throw badArchive(what, "it ends too early");
}

function entryOf(header: TarHeader, extension: Extension): Omit<ArchiveEntry, "bytes"> {
  const name = extension.path ?? header.name;
  const kind = kindOf(header, name);
  return {
    name,
    kind: extension.isSparse === true ? "sparse file" : kind,
    sizeBytes: extension.size ?? header.sizeBytes,
    target: extension.linkpath ?? header.target,
  };
}

function kindOf({ type }: TarHeader, name: string): ArchiveEntry["kind"] {
  switch (type) {
    case "0":
    case "7":
    case "\0":
      // Before ustar, a slash at the end was the only sign of a folder.
      return name.endsWith("/") ? "folder" : "file";
    case "1":
      return "hard link";
    case "2":
      return "link";
    case "5":
      return "folder";
    case "S":
      return "sparse file";
    default:
      return "special file";
  }
}

/** How to read a header that describes others; undefined for an entry. */
function metaOf({ type }: TarHeader): ((body: Buffer) => Extension) | undefined {
  switch (type) {
    case "x":
      return extensionOf;
    // Defaults for all entries, which in practice are comments; and the label of a tape.
    case "g":
    case "V":
      return () => ({});
    case "L":
      return (body) => ({ path: textOf(body) });
    case "K":
      return (body) => ({ linkpath: textOf(body) });
    default:
      return undefined;
  }
}

function extensionOf(body: Buffer): Extension {
  const extension: Extension = {};
  for (const [key, value] of paxFields(body)) {
    if (key === "path") extension.path = value;
    else if (key === "linkpath") extension.linkpath = value;
    else if (key === "size" && /^\d{1,15}$/.test(value)) extension.size = Number(value);
    else if (key.startsWith("GNU.sparse.")) extension.isSparse = true;
  }
  return extension;
}

function padded(sizeBytes: number): number {
  return Math.ceil(sizeBytes / tarBlock) * tarBlock;
}
