import { type Datatype, elementBytes } from "../../base/tensor.ts";
import type { IndexedTensor } from "../wire/host-protocol.ts";
import type { RunRequest } from "./batch-join.ts";

/** How a stranger's values derive from those of the request that it joins. "changed": drawn from them and
 *  altered a little; "shuffled": drawn from them; "repeated": the same rows again. The first reveals the
 *  most, and the last is what a model can surely take. */
export type Manner = "changed" | "shuffled" | "repeated";

export interface StrangerParts {
  /** The stranger's rows, at least 1. */
  readonly rows: number;
  readonly manner: Manner;
  /** The same seed makes the same stranger. */
  readonly seed: number;
  /** For changed values. True: each one differs, even if only zeros are left. False: some are not zero,
   *  because many models ignore zeros. */
  readonly isExtreme: boolean;
}

/** A made-up request that can be joined with `request`. Its values resemble those of `request`: integers,
 *  which may be indices into a table, are no further from zero. */
export function strangerOf(request: RunRequest, parts: StrangerParts): RunRequest {
  const { wanted, tensors } = request;
  const random = randomFrom(parts.seed);
  return {
    wanted,
    tensors: tensors.map((tensor) => {
      const { index, datatype, shape } = tensor;
      const data = valuesOf(tensor, { ...parts, random });
      return { index, datatype, shape: [parts.rows, ...shape.slice(1)], data };
    }),
  };
}

interface Draw extends StrangerParts {
  readonly random: () => number;
}

function valuesOf({ datatype, shape, data }: IndexedTensor, draw: Draw): Uint8Array {
  const elementsPerRow = shape.slice(1).reduce((a, b) => a * b, 1);
  const given = (shape[0] ?? 1) * elementsPerRow;
  const count = draw.rows * elementsPerRow;
  const { manner, random } = draw;
  const source = (at: number) =>
    manner === "repeated" ? at % given : Math.floor(random() * given);
  const size = elementBytes[datatype];
  if (size === undefined) {
    const elements = elementsOf(data, given);
    const drawn = Array.from({ length: count }, (_, at) => elements[source(at)] as Uint8Array);
    return joined(manner === "changed" ? drawn.map((text) => changedText(text, random)) : drawn);
  }
  const drawn = new Uint8Array(count * size);
  for (let at = 0; at < count; at++) {
    const from = source(at) * size;
    drawn.set(data.subarray(from, from + size), at * size);
  }
  if (manner === "changed" && count > 0) change(datatype, drawn, draw);
  return drawn;
}

function change(datatype: Datatype, data: Uint8Array, draw: Draw): void {
  const float = floats[datatype];
  if (float === undefined) changeIntegers(datatype, data, draw);
  else changeFloats(data, float, draw);
}

function changeIntegers(datatype: Datatype, data: Uint8Array, { random, isExtreme }: Draw): void {
  const view = integersOf(datatype, data);
  const isNothing = data.every((byte) => byte === 0);
  for (let at = 0; at < view.length; at++) {
    const value = view[at] as number | bigint;
    if (isNothing) view[at] = oneIf(isExtreme || at === 0 || random() < 0.5, value);
    else view[at] = nearZero(value, isExtreme);
  }
}

/** A step towards zero, as far as the value allows: an index stays in its table. */
function nearZero(value: number | bigint, mayBeZero: boolean): number | bigint {
  if (typeof value === "bigint") {
    const step = value > 0n ? 1n : value < 0n ? -1n : 0n;
    return value === step && !mayBeZero ? value : value - step;
  }
  const step = Math.sign(value);
  return value === step && !mayBeZero ? value : value - step;
}

/** 1 or 0, of the type of `like`. */
function oneIf(isOne: boolean, like: number | bigint): number | bigint {
  if (typeof like === "bigint") return isOne ? 1n : 0n;
  return isOne ? 1 : 0;
}

interface FloatForm {
  readonly size: number;
  /** The byte with the upper bits of the fraction, and those bits. */
  readonly byte: number;
  readonly fraction: number;
  /** The two last bytes of 1. */
  readonly one: readonly [number, number];
  /** The bits of the exponent in the two last bytes. */
  readonly exponent: readonly [number, number];
}

const floats: Partial<Record<Datatype, FloatForm>> = {
  FP16: { size: 2, byte: 1, fraction: 0x03, one: [0x00, 0x3c], exponent: [0x00, 0x7c] },
  BF16: { size: 2, byte: 0, fraction: 0x7f, one: [0x80, 0x3f], exponent: [0x80, 0x7f] },
  FP32: { size: 4, byte: 2, fraction: 0x7f, one: [0x80, 0x3f], exponent: [0x80, 0x7f] },
  FP64: { size: 8, byte: 6, fraction: 0x0f, one: [0xf0, 0x3f], exponent: [0xf0, 0x7f] },
};

/** Sign and exponent stay, so that a value keeps its magnitude; zeros occasionally become 1. */
function changeFloats(data: Uint8Array, form: FloatForm, { random, isExtreme }: Draw): void {
  const { size, byte, fraction, one, exponent } = form;
  for (let at = 0; at < data.length; at += size) {
    const [low, high] = [data[at + size - 2] as number, data[at + size - 1] as number];
    const power = [low & exponent[0], high & exponent[1]];
    const isSpecial = power[0] === exponent[0] && power[1] === exponent[1];
    const isZero = power[0] === 0 && power[1] === 0;
    const isRaised = isZero && (isExtreme || random() < 0.5);
    if (isSpecial || isRaised) data.fill(0, at, at + size).set(one, at + size - 2);
    else if (!isZero) {
      const flipped = 1 + Math.floor(random() * fraction);
      data[at + byte] = (data[at + byte] as number) ^ flipped;
    }
  }
  if (data.every((each) => each === 0)) data.set(one, size - 2);
}

/** As a view; BOOL is 0 or 1. */
function integersOf(datatype: Datatype, data: Uint8Array): Integers {
  const View = integers[datatype] ?? Uint8Array;
  return new View(data.buffer as ArrayBuffer, 0, data.length / View.BYTES_PER_ELEMENT);
}

interface Integers {
  readonly length: number;
  [at: number]: number | bigint;
}

interface IntegersOf {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): Integers;
}

const integers: Partial<Record<Datatype, IntegersOf>> = {
  INT8: Int8Array,
  INT16: Int16Array,
  UINT16: Uint16Array,
  INT32: Int32Array,
  UINT32: Uint32Array,
  INT64: BigInt64Array,
  UINT64: BigUint64Array,
};

function elementsOf(data: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const elements: Uint8Array[] = [];
  let start = 0;
  for (let at = 0; at < count; at++) {
    const end = start + 4 + view.getUint32(start, true);
    elements.push(data.subarray(start + 4, end));
    start = end;
  }
  return elements;
}

function joined(elements: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat(
    elements.flatMap((element) => {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, element.byteLength, true);
      return [length, element];
    }),
  );
}

/** Replaces a letter or digit by the next one, so that numbers stay numbers; otherwise appends a letter. */
function changedText(text: Uint8Array, random: () => number): Uint8Array {
  const places = [...text.keys()].filter((at) => nextOf(text[at] as number) !== undefined);
  const place = places[Math.floor(random() * places.length)];
  if (place === undefined) return Buffer.concat([text, Buffer.from("a")]);
  const changed = new Uint8Array(text);
  changed[place] = nextOf(text[place] as number) as number;
  return changed;
}

function nextOf(byte: number): number | undefined {
  for (const [first, last] of ["09", "AZ", "az"].map((pair) => Buffer.from(pair))) {
    if (byte >= (first as number) && byte <= (last as number)) {
      return byte === last ? (first as number) : byte + 1;
    }
  }
  return undefined;
}

/** Numbers from 0 to below 1, the same for the same seed (Mulberry32). */
function randomFrom(seed: number): () => number {
  let state = (seed + 1) * 0x9e3779b9;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
