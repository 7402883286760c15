/** Whether every number is one, and finite. */
export function areFinite(values: Float32Array): boolean {
  for (const value of values) if (!Number.isFinite(value)) return false;
  return true;
}

/** The first `dimensions` of a vector, as a vector of length 1. */
export function cutVector(vector: Float32Array, dimensions: number): Float32Array {
  return normalised(vector.subarray(0, dimensions));
}

/** The same direction with length 1. A vector of zeros has no direction, and stays. */
export function normalised(vector: Float32Array): Float32Array {
  const length = Math.max(lengthOf(vector), leastLength);
  return vector.map((value) => value / length);
}

/** From -1 to 1, or 0 if one of them is all zeros. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  for (let at = 0; at < a.length; at++) dot += (a[at] as number) * (b[at] as number);
  const value = dot / Math.max(lengthOf(a) * lengthOf(b), leastLength);
  // Rounding may lead a little beyond.
  return Math.min(1, Math.max(-1, value));
}

/** As torch's `normalize` has it. */
const leastLength = 1e-12;

function lengthOf(vector: Float32Array): number {
  let sum = 0;
  for (const value of vector) sum += value * value;
  return Math.sqrt(sum);
}
