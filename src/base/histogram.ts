/** Counts values by size, in Prometheus's layout. Counting costs a few comparisons and allocates nothing. */
export class Histogram {
  /** Inclusive upper bounds, lowest first. */
  readonly bounds: readonly number[];
  /** Per bucket, not cumulative; the last one counts values above all bounds. Doubles, because counts soon
   *  exceed 2^32. */
  readonly counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.counts = new Float64Array(bounds.length + 1);
  }

  get sum(): number {
    return this.#sum;
  }

  get count(): number {
    let count = 0;
    for (const each of this.counts) count += each;
    return count;
  }

  /** `times`: the number of equal values. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + times;
    this.#sum += value * times;
  }
}
