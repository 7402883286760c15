/** The cosine of each vector of `from` and each of `to`; 0 where a vector is all zeros. All have the same length. */
export function cosines(
  from: readonly Float32Array[],
  to: readonly Float32Array[],
): Float64Array[] {
  const lengths = to.map(lengthOf);
  return from.map((vector) => {
    const length = lengthOf(vector);
    return Float64Array.from(to, (other, index) => {
      const product = length * (lengths[index] as number);
      return product === 0 ? 0 : dot(vector, other) / product;
    });
  });
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(dot(vector, vector));
}

function dot(left: Float32Array, right: Float32Array): number {
  let sum = 0;
  for (let at = 0; at < left.length; at++) sum += (left[at] as number) * (right[at] as number);
  return sum;
}
