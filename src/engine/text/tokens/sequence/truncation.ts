/** How many tokens of each text are kept. */
export interface Kept {
  readonly first: number;
  readonly second: number;
}

/** Cuts two texts to `limit` tokens together: the longer one first, until both are equally long, then both. `second`: 0 if there
 *  is one text. Of an odd limit, the one that was longer gets the odd token; of equals, the second. */
export function keepTokens(first: number, second: number, limit: number): Kept {
  if (first + second <= limit) return { first, second };
  const half = Math.floor(limit / 2);
  const kept = Math.min(first, second, half);
  const rest = limit - kept;
  return first > second ? { first: rest, second: kept } : { first: kept, second: rest };
}
