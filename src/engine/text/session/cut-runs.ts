/** Groups rows into runs: rows of about the same length, so that little is padded, and of no more than `mostTokens`
 *  with padding. A row that is longer runs alone. `lengths`: tokens of each row. Returns the positions of the rows in
 *  each run. */
export function cutRuns(lengths: readonly number[], mostTokens: number): readonly number[][] {
  const order = [...lengths.keys()].sort(
    (a, b) => (lengths[a] as number) - (lengths[b] as number),
  );
  const runs: number[][] = [];
  let run: number[] = [];
  for (const row of order) {
    // The rows come by their lengths: this one is the longest.
    if (run.length > 0 && (run.length + 1) * (lengths[row] as number) > mostTokens) {
      runs.push(run);
      run = [];
    }
    run.push(row);
  }
  if (run.length > 0) runs.push(run);
  return runs;
}
