// Logarithms in fixed point, rounded once. Those of V8, numpy and libm differ in their last bits, and a sum that
// starts with one would differ in them for every row.

const fraction = 220n;
const one = 1n << fraction;

/** ln x, for a positive finite x. */
export function exactLog(x: number): number {
  return toNumber(logOf(toFixed(x)));
}

/** ln(1 + x), for x > -1. */
export function exactLog1p(x: number): number {
  return toNumber(logOf(one + toFixed(x)));
}

/** Exact for numbers from 2^-160 on, and those are all that probabilities are made of. */
function toFixed(x: number): bigint {
  let exponent = 0;
  let mantissa = x;
  while (!Number.isInteger(mantissa) && exponent < 220) {
    mantissa *= 2;
    exponent++;
  }
  return BigInt(Math.trunc(mantissa)) << (fraction - BigInt(exponent));
}

function logOf(x: bigint): bigint {
  let value = x;
  let doublings = 0n;
  while (value >= 2n * one) {
    value >>= 1n;
    doublings++;
  }
  while (value < one) {
    value <<= 1n;
    doublings--;
  }
  return seriesOf(value) + doublings * seriesOf(2n * one);
}

/** ln x = 2 artanh((x - 1) / (x + 1)), for x from 1 to 2. */
function seriesOf(x: bigint): bigint {
  const z = ((x - one) << fraction) / (x + one);
  const square = (z * z) >> fraction;
  let power = z;
  let sum = 0n;
  for (let odd = 1n; power !== 0n; odd += 2n) {
    sum += power / odd;
    power = (power * square) >> fraction;
  }
  return 2n * sum;
}

/** Number() of a whole number rounds to the nearest. */
function toNumber(value: bigint): number {
  return Number(value) / 2 ** Number(fraction);
}
