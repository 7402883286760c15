import { RuntimeError } from "../../../base/errors.ts";
import { isStoredType, type StoredType, storedBytes } from "./stored-type.ts";

/** What a header says of one tensor. */
export interface HeaderEntry {
  readonly name: string;
  readonly type: StoredType;
  readonly shape: readonly number[];
  /** Within the data, which follows the header. */
  readonly begin: number;
  readonly end: number;
}

/** A header that has been parsed, and what it is checked against. */
export interface HeaderSource {
  /** For messages. */
  readonly file: string;
  readonly header: Readonly<Record<string, unknown>>;
  /** Bytes of the file behind the header. */
  readonly dataBytes: number;
}

const maxRank = 64;
const maxShown = 100;
const entryKeys = ["dtype", "shape", "data_offsets"] as const;

/** The tensors of a header. Throws "invalid-argument", with the name of the first tensor that cannot be as it is
 *  described. The data must be complete: each tensor begins where another one ends, and the last one ends with the
 *  file. */
export function headerEntries(source: HeaderSource): HeaderEntry[] {
  const entries: HeaderEntry[] = [];
  for (const [name, value] of Object.entries(source.header)) {
    if (name === "__metadata__") checkMetadata(source.file, value);
    else entries.push(readEntry(source, name, value));
  }
  checkOrder(source, entries);
  return entries;
}

function readEntry({ file, dataBytes }: HeaderSource, name: string, value: unknown): HeaderEntry {
  const wrong = (why: string) =>
    new RuntimeError("invalid-argument", `${file}: tensor '${shown(name)}' ${why}`);
  if (!isRecord(value) || Object.keys(value).length !== entryKeys.length) {
    throw wrong("must have dtype, shape and data_offsets, and nothing else");
  }
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isStoredType(dtype)) {
    throw wrong(`has the unknown dtype ${shown(JSON.stringify(dtype) ?? "none")}`);
  }
  if (!isSizeList(shape) || shape.length > maxRank) {
    throw wrong(`must have a shape of at most ${maxRank} sizes, which are whole numbers`);
  }
  if (!isSizeList(offsets) || offsets.length !== 2) {
    throw wrong("must have data_offsets of two whole numbers: where it begins and where it ends");
  }
  const [begin = 0, end = 0] = offsets;
  if (begin > end) throw wrong(`ends at byte ${end}, before it begins at byte ${begin}`);
  if (end > dataBytes) {
    throw wrong(
      `ends at byte ${end} of the data, but the file has only ${dataBytes} bytes of it: it was cut off`,
    );
  }
  const wanted = storedBytes(dtype, shape);
  if (wanted !== end - begin) {
    throw wrong(
      `has ${end - begin} bytes, expected ${wanted ?? "a countable number"} for ${dtype} [${shape.join(", ")}]`,
    );
  }
  return { name, type: dtype, shape, begin, end };
}

/** Neither gaps nor tensors that share bytes: whoever wrote those meant something that readers do not agree on. */
function checkOrder({ file, dataBytes }: HeaderSource, entries: readonly HeaderEntry[]): void {
  let last = 0;
  let before = "the header";
  for (const { name, begin, end } of [...entries].sort(byPlace)) {
    if (begin !== last) {
      throw new RuntimeError(
        "invalid-argument",
        `${file}: tensor '${shown(name)}' begins at byte ${begin} of the data, expected ${last}, where ${before} ends`,
      );
    }
    last = end;
    before = `'${shown(name)}'`;
  }
  if (last !== dataBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `${file} has ${dataBytes} bytes of data, but its tensors take only ${last}`,
    );
  }
}

function byPlace(left: HeaderEntry, right: HeaderEntry): number {
  return left.begin - right.begin || left.end - right.end;
}

function checkMetadata(file: string, value: unknown): void {
  if (isRecord(value) && Object.values(value).every((text) => typeof text === "string")) return;
  throw new RuntimeError("invalid-argument", `${file}: __metadata__ must be an object of texts`);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSizeList(value: unknown): value is readonly number[] {
  return (
    Array.isArray(value) && value.every((size: number) => Number.isSafeInteger(size) && size >= 0)
  );
}

function shown(text: string): string {
  return text.length <= maxShown ? text : `${text.slice(0, maxShown)}…`;
}
