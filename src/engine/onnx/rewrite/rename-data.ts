import { isUtf8 } from "node:buffer";
import { describeError, RuntimeError } from "../../../base/errors.ts";
import { fromFileError } from "../../../base/files/file-errors.ts";
import { type MessageName, submessages } from "../graph/message-kinds.ts";
import { ModelReader, type Span } from "./model-reader.ts";
import { append, message, type Piece, text, write } from "./pieces.ts";

/** Protobuf's own limit. */
const maxNesting = 100;

/** A copy of a model in which `nameOf` has renamed the data files; undefined if no name changes. `model`: its
 *  file, or its bytes. A file's weights are read only into the copy. Throws "load-failed" if it is not an
 *  ONNX model, "over-budget" if there is no memory for the copy, and what `nameOf` throws. Blocks. */
export function renameData(
  model: string | Uint8Array,
  nameOf: (location: string) => string,
): Uint8Array<ArrayBuffer> | undefined {
  const given = new Set<string>();
  const renamed = renamedCopy(model, (location) => {
    const name = nameOf(location);
    given.add(name);
    return name;
  });
  if (renamed === undefined || typeof model !== "string") return renamed;
  // The file may have changed since its names were read. The copy cannot change.
  renamedCopy(renamed, (name) => {
    if (given.has(name)) return name;
    throw changed(`its data file '${name}' is new`);
  });
  return renamed;
}

function renamedCopy(
  model: string | Uint8Array,
  nameOf: (location: string) => string,
): Uint8Array<ArrayBuffer> | undefined {
  let refusal: unknown;
  let reader: ModelReader | undefined;
  try {
    reader = new ModelReader(model);
    const whole = { start: 0, end: reader.sizeBytes };
    const name = (location: string) => {
      try {
        return nameOf(location);
      } catch (error) {
        refusal = error;
        throw error;
      }
    };
    const pieces = renamedIn(whole, { reader, message: "model", depth: 0, nameOf: name });
    return pieces && write(pieces, reader);
  } catch (error) {
    throw error === refusal ? error : unreadable(error);
  } finally {
    reader?.close();
  }
}

interface Place {
  readonly reader: ModelReader;
  readonly message: MessageName;
  readonly depth: number;
  readonly nameOf: (location: string) => string;
}

/** Undefined if nothing changes. */
function renamedIn(span: Span, place: Place): Piece[] | undefined {
  const { reader, depth } = place;
  if (place.message === "externalData") return renamedEntry(span, place);
  if (depth === maxNesting) throw changed(`it is nested more than ${maxNesting} deep`);
  const pieces: Piece[] = [];
  let isChanged = false;
  for (const { number, start, content, end, isBytes } of reader.fields(span.start, span.end)) {
    const next = submessages[place.message][number];
    const inner = { ...place, depth: depth + 1 };
    const renamed =
      next && isBytes && renamedIn({ start: content, end }, { ...inner, message: next });
    isChanged ||= renamed !== undefined && renamed !== false;
    append(pieces, renamed ? message(number, renamed) : { start, end });
  }
  return isChanged ? pieces : undefined;
}

/** StringStringEntryProto: key = 1, value = 2. */
function renamedEntry(span: Span, { reader, nameOf }: Place): Piece[] | undefined {
  let key = "";
  let location: Uint8Array = new Uint8Array();
  for (const { number, content, end, isBytes } of reader.fields(span.start, span.end)) {
    if (!isBytes) continue;
    if (number === 1) key = reader.bytes(content, end).toString();
    else if (number === 2) location = reader.bytes(content, end);
  }
  if (key !== "location") return undefined;
  if (!isUtf8(location)) throw changed("the name of a data file is not UTF-8");
  const name = Buffer.from(location).toString();
  const wanted = nameOf(name);
  return wanted === name ? undefined : [text(1, key), text(2, wanted)];
}

function unreadable(error: unknown): RuntimeError {
  if (error instanceof RangeError) {
    return new RuntimeError(
      "over-budget",
      `the engine host has too little memory for the copy from which the model is loaded: ${error.message}`,
      { cause: error },
    );
  }
  if (error instanceof RuntimeError) {
    return error.kind === "invalid-argument" ? changed(describeError(error)) : error;
  }
  return fromFileError(error, "the model");
}

function changed(why: string): RuntimeError {
  return new RuntimeError("load-failed", `the model changed while it was loaded: ${why}`);
}
