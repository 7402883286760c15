import assert from "node:assert/strict";

const float = new Float32Array(1);
const floatBits = new Int32Array(float.buffer);

/** Asserts that floats differ by no more than `ulps` steps from one float to the next. NaN equals NaN. */
export function assertUlps(
  actual: readonly unknown[] | undefined,
  expected: Float32Array,
  { ulps, name }: { readonly ulps: number; readonly name: string },
): void {
  assert.equal(actual?.length, expected.length, `${name}: number of values`);
  for (const [at, value] of expected.entries()) {
    const distance = Math.abs(step(actual?.[at] as number) - step(value));
    assert.ok(
      distance <= ulps,
      `${name}: value ${at} is ${String(actual?.[at])}, expected ${value}, ${distance} steps away`,
    );
  }
}

/** The number of a float among all of them, in ascending order. */
function step(value: number): number {
  float[0] = value;
  const bits = floatBits[0] as number;
  return bits < 0 ? -(bits & 0x7fffffff) : bits;
}
