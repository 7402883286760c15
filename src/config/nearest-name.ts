/** The entry of `names` that `typed` was most likely meant to be; undefined if none is close. */
export function nearestName(typed: string, names: Iterable<string>): string | undefined {
  let nearest: string | undefined;
  // One typo in a short word, two in a long one.
  let least = typed.length < 5 ? 1 : 2;
  for (const name of names) {
    const distance = editDistance(typed, name);
    if (distance > least || (distance === least && nearest !== undefined)) continue;
    nearest = name;
    least = distance;
  }
  return nearest;
}

/** ": did you mean X?" for the end of a message, or "". */
export function suggestion(typed: string, names: Iterable<string>, prefix = ""): string {
  const nearest = nearestName(typed, names);
  return nearest === undefined ? "" : `: did you mean ${prefix}${nearest}?`;
}

/** The number of letters to insert, delete, replace, or swap with their neighbour (optimal string alignment). */
function editDistance(a: string, b: string): number {
  const width = b.length + 1;
  const cells = new Uint16Array((a.length + 1) * width);
  const at = (row: number, column: number) => cells[row * width + column] ?? 0;
  for (let column = 0; column < width; column++) cells[column] = column;
  for (let row = 1; row <= a.length; row++) {
    cells[row * width] = row;
    for (let column = 1; column < width; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2];
      if (isSwap && a[row - 2] === b[column - 1])
        cost = Math.min(cost, at(row - 2, column - 2) + 1);
      cells[row * width + column] = cost;
    }
  }
  return at(a.length, b.length);
}
