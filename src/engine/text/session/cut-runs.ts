/** What a run costs beside its tokens, as a number of tokens. Measured: 4 to 7, for hidden sizes from 384 on. */
const runCost = 6;

/** Groups rows into runs, so that they cost as little as possible together: each run costs its tokens, with padding,
 *  and something for itself. A run has no more than `mostTokens`, padding included; a row that is longer runs alone.
 *  `lengths`: tokens of each row. Returns the positions of the rows in each run. */
export function cutRuns(lengths: readonly number[], mostTokens: number): readonly number[][] {
  const order = [...lengths.keys()].sort((a, b) => (lengths[a] as number) - (lengths[b] as number));
  // In the order of their lengths, a run ends with its longest row. For the first rows: the least that they cost, and
  // where their last run begins.
  const costs = [0];
  const starts = [0];
  for (let end = 1; end <= order.length; end++) {
    const longest = lengths[order[end - 1] as number] as number;
    let [cost, start] = [Number.POSITIVE_INFINITY, end - 1];
    for (let from = end - 1; from >= 0; from--) {
      const tokens = (end - from) * longest;
      if (tokens > mostTokens && from < end - 1) break;
      const total = (costs[from] as number) + tokens + runCost;
      if (total < cost) [cost, start] = [total, from];
    }
    costs.push(cost);
    starts.push(start);
  }
  const runs: number[][] = [];
  for (let end = order.length; end > 0; ) {
    const start = starts[end] as number;
    runs.push(order.slice(start, end));
    end = start;
  }
  return runs.reverse();
}
