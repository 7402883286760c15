import type { DeferredBytes } from "./protobuf-writer.ts";

export type WeightDatatype = "FP16" | "FP32" | "FP64" | "INT8";

export const weightBytes = { FP16: 2, FP32: 4, FP64: 8, INT8: 1 } as const;

export interface WeightShape {
  readonly datatype: WeightDatatype;
  readonly shape: readonly number[];
  /** Number of products summed into one output; weights shrink with it, so that depth keeps its scale. */
  readonly fanIn: number;
  /** Different seeds give different weights: ONNX Runtime keeps equal tensors only once in memory. */
  readonly seed: number;
}

/** Pseudo-random weights, made on demand and the same each time. */
export function randomWeights(weights: WeightShape): DeferredBytes {
  const count = weights.shape.reduce((product, size) => product * size, 1);
  const byteLength = count * weightBytes[weights.datatype];
  return { byteLength, make: () => makeWeights(weights, byteLength) };
}

/** `sizeBytes` pseudo-random bytes, the same for the same seed. */
export function randomBytes(sizeBytes: number, seed: number): Uint8Array {
  return new Uint8Array(randomWords(Math.ceil(sizeBytes / 4), seed).buffer, 0, sizeBytes);
}

function makeWeights({ datatype, fanIn, seed }: WeightShape, byteLength: number): Uint8Array {
  const words = randomWords(Math.ceil(byteLength / 4), seed);
  // Sign and mantissa stay random while the exponent is fixed: values of both signs between s and 2s,
  // and no arithmetic but two masks a word. Their root mean square, 1.5 s, should be 1 / sqrt(fanIn);
  // with s a power of two that comes true for odd powers of two, and within a third for the others.
  const exponent = -Math.round(Math.log2(1.5 * Math.sqrt(fanIn)));
  if (datatype === "FP16") setBits(words, { keep: 0x83ff83ff, set: (exponent + 15) * 0x0400_0400 });
  if (datatype === "FP32") setBits(words, { keep: 0x807fffff, set: (exponent + 127) << 23 });
  if (datatype === "FP64") {
    // The exponent sits in the upper, second word of each pair.
    setBits(words, { keep: 0x800fffff, set: (exponent + 1023) << 20, first: 1, step: 2 });
  }
  return new Uint8Array(words.buffer, 0, byteLength);
}

function setBits(
  words: Uint32Array,
  bits: { keep: number; set: number; first?: number; step?: number },
): void {
  const { keep, set, first = 0, step = 1 } = bits;
  for (let index = first; index < words.length; index += step) {
    words[index] = ((words[index] ?? 0) & keep) | set;
  }
}

/** Marsaglia's xorshift32: 400 MB take under a second. */
function randomWords(count: number, seed: number): Uint32Array {
  const words = new Uint32Array(count);
  // Neighbouring seeds must not give neighbouring streams, and a state of zero would stay zero.
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let index = 0; index < count; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return words;
}
