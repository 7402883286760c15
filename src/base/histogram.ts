/** Counts values by size, as Prometheus has it. To count one costs some comparisons and allocates nothing. */
export class Histogram {
  /** Upper bounds, each included, lowest first. */
  readonly bounds: readonly number[];
  /** By bucket, not cumulated; the last one is for what is above all bounds. As doubles: four thousand
   *  millions are soon there. */
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

  /** `times`: so many values that are the same. */
  observe(value: number, times = 1): void {
    const { bounds, counts } = this;
    let at = 0;
    while (at < bounds.length && value > (bounds[at] as number)) at++;
    counts[at] = (counts[at] as number) + times;
    this.#sum += value * times;
  }
}
