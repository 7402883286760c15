/** The sum of `count` values from `start`, in the order in which numpy adds numbers that lie side by side. */
export function pairwiseSum(values: Float64Array, start: number, count: number): number {
  if (count < 8) {
    let sum = count > 0 ? (values[start] as number) : 0;
    for (let at = start + 1; at < start + count; at++) sum += values[at] as number;
    return sum;
  }
  if (count <= 128) {
    const sums = values.slice(start, start + 8);
    let at = 8;
    for (; at < count - (count % 8); at += 8) {
      for (let lane = 0; lane < 8; lane++) {
        sums[lane] = (sums[lane] as number) + (values[start + at + lane] as number);
      }
    }
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = sums;
    let sum = a + b + (c + d) + (e + f + (g + h));
    for (; at < count; at++) sum += values[start + at] as number;
    return sum;
  }
  let half = Math.floor(count / 2);
  half -= half % 8;
  return pairwiseSum(values, start, half) + pairwiseSum(values, start + half, count - half);
}
