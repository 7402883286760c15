/** Bits of one element as stored, by TensorProto.DataType number. */
const storedBits: Readonly<Record<number, number>> = {
  1: 32, // FLOAT
  2: 8, // UINT8
  3: 8, // INT8
  4: 16, // UINT16
  5: 16, // INT16
  6: 32, // INT32
  7: 64, // INT64
  9: 8, // BOOL
  10: 16, // FLOAT16
  11: 64, // DOUBLE
  12: 32, // UINT32
  13: 64, // UINT64
  14: 64, // COMPLEX64
  15: 128, // COMPLEX128
  16: 16, // BFLOAT16
  17: 8, // FLOAT8E4M3FN
  18: 8, // FLOAT8E4M3FNUZ
  19: 8, // FLOAT8E5M2
  20: 8, // FLOAT8E5M2FNUZ
  21: 4, // UINT4
  22: 4, // INT4
  23: 4, // FLOAT4E2M1
};
const string = 8;
/** For a type that is not in the table: no engine knows it either, so any bound will do. */
const unknownBits = 128;
/** A string of the C++ library, before its characters. */
const stringBytes = 32;

/** Where a tensor's data is if not in the model file. Values as written, unchecked. */
export interface ExternalData {
  location: string | undefined;
  offset: string | undefined;
  length: string | undefined;
}

/** What a walk over a TensorProto has seen so far. */
export interface TensorTally {
  datatype: number;
  readonly dims: number[];
  /** Product of the dimensions; Infinity if it is too large to represent. */
  elements: number;
  /** The numbers of a small tensor seen so far. */
  values: number[] | undefined;
  rawBytes: number;
  /** Upper bound of the number of elements in the typed fields. */
  typedElements: number;
  strings: number;
  characterBytes: number;
  /** Bytes of all its data, once it is read. */
  sizeBytes: number;
  isExternal: boolean;
  external: ExternalData;
}

export function newTally(): TensorTally {
  return {
    datatype: 0,
    dims: [],
    elements: 1,
    values: undefined,
    rawBytes: 0,
    typedElements: 0,
    strings: 0,
    characterBytes: 0,
    sizeBytes: 0,
    isExternal: false,
    external: { location: undefined, offset: undefined, length: undefined },
  };
}

/** Bytes of one element of a value between nodes, or of a tensor in the file; for a string, without its
 *  characters. */
export function storedBytes(datatype: number): number {
  if (datatype === string) return stringBytes;
  return Math.ceil((storedBits[datatype] ?? unknownBits) / 8);
}

/** Bytes that the tensor's shape implies. */
export function shapeBytes({
  elements,
  datatype,
}: Pick<TensorTally, "elements" | "datatype">): number {
  return Math.ceil((elements * (storedBits[datatype] ?? unknownBits)) / 8);
}

/** Bytes of data inside the model file, as they will be in memory. The shape counts for no more than the data
 *  that is present: a shape alone takes no memory, and the engine refuses such a tensor. */
export function inlineBytes(tensor: TensorTally): number {
  const bits = storedBits[tensor.datatype] ?? unknownBits;
  const typed = Math.ceil((Math.min(tensor.elements, tensor.typedElements) * bits) / 8);
  return tensor.rawBytes + typed + tensor.characterBytes + tensor.strings * stringBytes;
}
