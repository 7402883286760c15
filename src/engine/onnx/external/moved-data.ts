import { dirname, normalize, relative, sep } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import { type MessageName, submessages } from "../graph/onnx-messages.ts";
import { wireType } from "../graph/protobuf-cursor.ts";

/** Absolute paths without links of a model's data files, by the normalized names that the model has for
 *  them. */
export type DataFilePlaces = Readonly<Record<string, string>>;

/** A model in which the names of data files are relative to `folder`. */
export interface MovedModel {
  readonly bytes: Uint8Array;
  readonly folder: string;
}

/** Protobuf's own limit. */
const maxNesting = 100;

/** For data files that are not where the model file says: ONNX Runtime opens them below one folder, and
 *  refuses links that lead out of it. Names every data file by its real place below the folder that all of
 *  them have in common. Copies what is in the file beside the names. Throws "load-failed" if `model` is no
 *  ONNX model, or names another data file. */
export function moveData(model: Uint8Array, places: DataFilePlaces): MovedModel {
  const folder = commonFolder(Object.values(places));
  const rename = (location: string) => {
    const name = normalize(location);
    const place = Object.hasOwn(places, name) ? places[name] : undefined;
    if (place === undefined) throw failed(`it has a data file '${location}' that was not there`);
    return relative(folder, place);
  };
  return { bytes: rewrite(model, { message: "model", depth: 0, rename }), folder };
}

interface Place {
  readonly message: MessageName;
  readonly depth: number;
  readonly rename: (location: string) => string;
}

/** `bytes` itself where nothing changes. */
function rewrite(bytes: Uint8Array, place: Place): Uint8Array {
  const { message, depth, rename } = place;
  if (message === "externalData") return rewriteEntry(bytes, rename);
  if (depth === maxNesting) throw failed(`it is nested more than ${maxNesting} deep`);
  const pieces: Uint8Array[] = [];
  let copied = 0;
  for (const field of fieldsOf(bytes)) {
    const next = submessages[message][field.number];
    if (next === undefined || field.content === undefined) continue;
    const content = rewrite(field.content, { message: next, depth: depth + 1, rename });
    if (content === field.content) continue;
    pieces.push(bytes.subarray(copied, field.start), bytesField(field.number, content));
    copied = field.end;
  }
  if (pieces.length === 0) return bytes;
  return Buffer.concat([...pieces, bytes.subarray(copied)]);
}

/** StringStringEntryProto: key = 1, value = 2. */
function rewriteEntry(bytes: Uint8Array, rename: (location: string) => string): Uint8Array {
  let key = "";
  let value = "";
  for (const { number, content } of fieldsOf(bytes)) {
    if (content === undefined) continue;
    if (number === 1) key = Buffer.from(content).toString();
    else if (number === 2) value = Buffer.from(content).toString();
  }
  if (key !== "location") return bytes;
  return Buffer.concat([
    bytesField(1, Buffer.from(key)),
    bytesField(2, Buffer.from(rename(value))),
  ]);
}

interface Field {
  readonly number: number;
  /** Where the field begins, its tag included, and where it ends. */
  readonly start: number;
  readonly end: number;
  /** Of a length-delimited field. */
  readonly content: Uint8Array | undefined;
}

function* fieldsOf(bytes: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw failed("a number is cut off");
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const wire = tag % 8;
    let content: Uint8Array | undefined;
    if (wire === wireType.varint) varint();
    else if (wire === wireType.fixed32) at += 4;
    else if (wire === wireType.fixed64) at += 8;
    else if (wire === wireType.bytes) {
      const length = varint();
      content = bytes.subarray(at, at + length);
      at += length;
    } else throw failed("it is damaged");
    if (at > bytes.length) throw failed("it is cut off");
    yield { number: Math.floor(tag / 8), start, end: at, content };
  }
}

function bytesField(number: number, content: Uint8Array): Uint8Array {
  const head: number[] = [];
  for (let rest of [number * 8 + wireType.bytes, content.length]) {
    for (; rest >= 128; rest = Math.floor(rest / 128)) head.push((rest % 128) | 128);
    head.push(rest);
  }
  return Buffer.concat([Uint8Array.from(head), content]);
}

/** The deepest folder that has all of the files in it or below. */
function commonFolder(files: readonly string[]): string {
  const [first = sep, ...others] = files;
  let folder = dirname(first);
  const holds = (file: string) => folder === sep || file.startsWith(`${folder}${sep}`);
  while (!others.every(holds)) folder = dirname(folder);
  return folder;
}

function failed(why: string): RuntimeError {
  return new RuntimeError("load-failed", `the model changed while it was loaded: ${why}`);
}
