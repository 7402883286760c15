import { RuntimeError } from "../../../../base/errors.ts";
import { tensorFields } from "../../../onnx/rewrite/field-numbers.ts";
import type { Field, ModelReader } from "../../../onnx/rewrite/model-reader.ts";
import { append, integer, message, type Piece, text } from "../../../onnx/rewrite/pieces.ts";

/** Field number in TensorProto: entries that say where its elements are. */
const externalData = 13;
/** TensorProto.DataLocation. */
const isOutside = 1;
/** TensorProto.DataType. */
const floatType = 1;
/** Smaller tensors are often shapes, which the engine wants to see when it optimises. */
const leastBytes = 1024;

/** Where names of data files lead. */
export interface OutsidePlaces {
  /** The name of the exported file itself, in the new graph. */
  readonly ownName: string;
  /** The name of a data file in the new graph, for the exported file's name of it. */
  readonly nameOf: (location: string) => string;
}

/** An initializer whose elements stay in the exported file, or in the file beside it where they are. Undefined for a small
 *  one, and for one whose elements are not stored as they are used: it is copied. */
export function keptOutside(
  reader: ModelReader,
  tensor: Field,
  places: OutsidePlaces,
): readonly Piece[] | undefined {
  const rest: Piece[] = [];
  const entries = new Map<string, string>();
  let elements: Field | undefined;
  let datatype = 0;
  let isExternal = false;
  for (const field of reader.fields(tensor.content, tensor.end)) {
    const { number } = field;
    if (number === tensorFields.datatype) datatype = field.value;
    if (number === externalData) entries.set(...readEntry(reader, field));
    else if (number === tensorFields.location) isExternal = field.value === isOutside;
    else if (field.isBytes && (number === tensorFields.raw || number === tensorFields.float)) {
      // Several pieces of a list, or both kinds of lists.
      if (elements !== undefined) return undefined;
      elements = field;
    } else append(rest, field);
  }
  if (isExternal) return [...rest, ...placePieces(renamed(entries, places))];
  if (elements === undefined || elements.end - elements.content < leastBytes) return undefined;
  // A packed list of floats has the same bytes as raw ones.
  if (elements.number === tensorFields.float && datatype !== floatType) return undefined;
  const place = {
    location: places.ownName,
    offset: String(elements.content),
    length: String(elements.end - elements.content),
  };
  return [...rest, ...placePieces(new Map(Object.entries(place)))];
}

function renamed(entries: Map<string, string>, { nameOf }: OutsidePlaces): Map<string, string> {
  const location = entries.get("location");
  if (location === undefined) {
    throw new RuntimeError("invalid-argument", "a tensor has no name of its data file");
  }
  return new Map([...entries, ["location", nameOf(location)]]);
}

function placePieces(entries: ReadonlyMap<string, string>): Piece[] {
  const pieces = [...entries].map(([key, value]) =>
    message(externalData, [text(1, key), text(2, value)]),
  );
  return [...pieces, integer(tensorFields.location, isOutside)];
}

/** StringStringEntryProto. */
function readEntry(reader: ModelReader, entry: Field): [key: string, value: string] {
  let key = "";
  let value = "";
  for (const field of reader.fields(entry.content, entry.end)) {
    if (field.number === 1) key = reader.text(field);
    else if (field.number === 2) value = reader.text(field);
  }
  return [key, value];
}
