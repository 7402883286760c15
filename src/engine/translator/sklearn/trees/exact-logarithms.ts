// Logarithms and powers in fixed point, rounded once. Those of V8, numpy and libm differ in their last bits, and a sum that
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

/** e^x, for x from -100 to 100. */
export function exactExp(x: number): number {
  const ln2 = seriesOf(2n * one);
  const value = toFixed(x);
  const doublings = value / ln2;
  const rest = value - doublings * ln2;
  let term = one;
  let sum = 0n;
  for (let at = 1n; term !== 0n; at++) {
    sum += term;
    term = (term * rest) / (at * one);
  }
  return toNumber(sum) * 2 ** Number(doublings);
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
