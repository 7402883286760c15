import { constants, gunzipSync, inflateSync } from "node:zlib";
import { conversionAdvice as advice } from "./conversion-advice.ts";
import type { FileKind } from "./file-kind.ts";
import { type FileSample, sampleBytes } from "./file-sample.ts";
import { looksLikeOnnx } from "./onnx-look.ts";

/** Compressed bytes from which the beginning is unpacked: deflate expands up to a thousandfold. */
const unpackedBytes = 8 * 1024;

const zipMarks = ["PK\x03\x04", "PK\x05\x06", "PK\x07\x08"];
const zlibMarks = ["x\x01", "x^", "x\x9c", "x\xda"];

/** Formats that are not unpacked, by their first bytes as latin1. */
const opaque: Readonly<Record<string, string>> = {
  "\x28\xb5\x2f\xfd": "zstd",
  "\xfd7zXZ\0": "xz",
  "\x5d\0\0": "LZMA",
  "\x04\x22\x4d\x18": "LZ4",
  "7z\xbc\xaf\x27\x1c": "7-Zip",
  "Rar!": "RAR",
};

/** Archives and compressed files. `kindOf` is asked about the content of the latter. */
export function packedKind(
  sample: FileSample,
  kindOf: (sample: FileSample) => FileKind | undefined,
): FileKind | undefined {
  const { head } = sample;
  const start = head.toString("latin1", 0, 8);
  if (zipMarks.some((mark) => start.startsWith(mark))) return zipKind(sample);
  if (head.toString("latin1", 257, 262) === "ustar")
    return archive("a tar archive", tarNames(head));
  if (start.startsWith("\x1f\x8b")) return unpackedKind(sample, "gzip", kindOf) ?? packed("gzip");
  // Two bytes prove little: a text may begin with them.
  if (zlibMarks.some((mark) => start.startsWith(mark))) return unpackedKind(sample, "zlib", kindOf);
  if (/^BZh[1-9]1AY/.test(start)) return packed("bzip2");
  const found = Object.entries(opaque).find(([bytes]) => start.startsWith(bytes));
  return found && packed(found[1]);
}

function packed(name: string): FileKind {
  return { what: `a compressed file (${name})`, advice: "unpack it first; it may hold a model" };
}

/** By the beginning of its content; undefined if that cannot be unpacked. */
function unpackedKind(
  sample: FileSample,
  name: "gzip" | "zlib",
  kindOf: (sample: FileSample) => FileKind | undefined,
): FileKind | undefined {
  let bytes: Buffer;
  try {
    const options = { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: 2048 * unpackedBytes };
    const unpack = name === "gzip" ? gunzipSync : inflateSync;
    bytes = unpack(sample.head.subarray(0, unpackedBytes), options);
  } catch {
    return undefined;
  }
  if (bytes.length === 0) return undefined;
  if (looksLikeOnnx(bytes)) {
    return { what: `a compressed one (${name})`, advice: "decompress it" };
  }
  const within = kindOf(sampleBytes(sample.name.replace(/\.gz$/, ""), bytes));
  return within ? { ...within, what: `${within.what}, compressed (${name})` } : packed(name);
}

/** The local headers at the start and the directory at the end name the entries. */
function zipKind({ head, tail }: FileSample): FileKind {
  const names = [...zipNames(head, "PK\x03\x04", 26, 30), ...zipNames(tail, "PK\x01\x02", 28, 46)];
  const has = (pattern: RegExp) => names.some((name) => pattern.test(name));
  if (has(/(?:^|\/)data\.pkl$/)) {
    const what = has(/(?:^|\/)constants\.pkl$/) ? "a TorchScript model" : "a PyTorch file";
    return { what: `${what} (.pt, .pth)`, advice: advice.torch };
  }
  if (
    has(/^(?:[^/]+\/)?archive_format$|\/serialized_exported_program\.json$|models\/model\.json$/)
  ) {
    return { what: "a torch.export program (.pt2)", advice: advice.torch };
  }
  if (has(/^model\.weights\.h5$|^metadata\.json$/) && has(/^config\.json$/)) {
    return { what: "a Keras model (.keras)", advice: advice.keras };
  }
  if (has(/^MAR-INF\//)) return archive("a TorchServe archive (.mar)", names, advice.torch);
  if (has(/^model\.ini$/)) return { what: "an H2O MOJO", advice: advice.source };
  if (names.length > 0 && names.every((name) => name.endsWith(".npy"))) {
    return { what: "numpy arrays (.npz)", advice: "it contains no graph" };
  }
  if (has(/^schema\.json$/) && has(/\.npy$/)) {
    return { what: "a scikit-learn skops file", advice: advice.sklearn };
  }
  return archive("a zip archive", names);
}

function archive(
  what: string,
  names: readonly string[],
  otherwise: string = advice.unpack,
): FileKind {
  const model = names.find((name) => name.endsWith(".onnx"));
  if (model === undefined) return { what, advice: otherwise };
  const shown = model.replaceAll(/[^\x20-\x7e]/g, "?").slice(-100);
  return { what: `${what} with ${shown} in it`, advice: "unpack it, and load that" };
}

function zipNames(bytes: Buffer, mark: string, lengthAt: number, nameAt: number): string[] {
  const names: string[] = [];
  for (let at = bytes.indexOf(mark, 0, "latin1"); at !== -1 && names.length < 1_000; ) {
    if (at + nameAt > bytes.length) break;
    const length = bytes.readUInt16LE(at + lengthAt);
    names.push(bytes.toString("utf8", at + nameAt, at + nameAt + length));
    at = bytes.indexOf(mark, at + nameAt, "latin1");
  }
  return names;
}

/** The entries at the beginning, each of whose headers says how far the next one is. */
function tarNames(head: Buffer): string[] {
  const names: string[] = [];
  const text = (at: number, length: number) =>
    head.toString("utf8", at, at + length).split("\0", 1)[0] ?? "";
  for (let at = 0; at + 512 <= head.length; ) {
    if (head.toString("latin1", at + 257, at + 262) !== "ustar") break;
    names.push(text(at, 100));
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    if (!Number.isSafeInteger(size) || size < 0) break;
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return names;
}
