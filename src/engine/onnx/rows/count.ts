/** A number used in shapes: `factor`, times each of `sizes`, times the rows of the run if `ofRows`. Sizes are
 *  the same for all requests that one run may join. */
export interface Count {
  readonly ofRows: boolean;
  readonly factor: number;
  /** Names, sorted. Names of arithmetic results begin with "(" and may be negative. */
  readonly sizes: readonly string[];
}

const maxNameLength = 160;

export const one: Count = { ofRows: false, factor: 1, sizes: [] };

export function known(factor: number): Count {
  return { ofRows: false, factor, sizes: [] };
}

export function named(name: string): Count {
  return { ofRows: false, factor: 1, sizes: [name] };
}

/** The number, if it is the same in every run. */
export function numberOf({ ofRows, factor, sizes }: Count): number | undefined {
  return ofRows || sizes.length > 0 ? undefined : factor;
}

export function isOne(count: Count): boolean {
  return numberOf(count) === 1;
}

export function isSame(a: Count, b: Count): boolean {
  return a.ofRows === b.ofRows && a.factor === b.factor && haveSameSizes(a, b);
}

export function haveSameSizes(a: Count, b: Count): boolean {
  return a.sizes.length === b.sizes.length && a.sizes.every((size, at) => size === b.sizes[at]);
}

/** Undefined for the square of the rows. */
export function times(a: Count, b: Count): Count | undefined {
  if (a.ofRows && b.ofRows) return undefined;
  const factor = a.factor * b.factor;
  const sizes = factor === 0 ? [] : [...a.sizes, ...b.sizes].sort();
  return { ofRows: (a.ofRows || b.ofRows) && factor !== 0, factor, sizes };
}

export function product(counts: readonly Count[]): Count | undefined {
  let all: Count | undefined = one;
  for (const count of counts) all = all && times(all, count);
  return all;
}

/** Undefined unless the division is certain to have no remainder. */
export function over(a: Count, b: Count): Count | undefined {
  if (b.factor === 0 || !Number.isInteger(a.factor / b.factor) || (b.ofRows && !a.ofRows)) {
    return undefined;
  }
  const sizes = [...a.sizes];
  for (const size of b.sizes) {
    const at = sizes.indexOf(size);
    if (at < 0) return undefined;
    sizes.splice(at, 1);
  }
  return { ofRows: a.ofRows && !b.ofRows, factor: a.factor / b.factor, sizes };
}

/** Whether it cannot be negative: a product of tensor sizes. */
export function isSizeLike({ factor, sizes }: Count): boolean {
  return factor >= 0 && Number.isInteger(factor) && sizes.every((size) => !size.startsWith("("));
}

/** For messages. */
function describeCount({ ofRows, factor, sizes }: Count): string {
  const parts = [...(ofRows ? ["rows"] : []), ...sizes];
  if (factor !== 1 || parts.length === 0) parts.unshift(String(factor));
  return parts.join("*");
}

/** The result of arithmetic on numbers that do not depend on the rows: the same name for the same arithmetic.
 *  Undefined if a name would be too long. */
export function derived(operation: string, counts: readonly Count[]): Count | undefined {
  const name = `(${operation} ${counts.map(describeCount).join(" ")})`;
  return name.length > maxNameLength ? undefined : named(name);
}

/** The size to which two sizes broadcast, neither of them rows. */
export function broadcastSizes(a: Count, b: Count): Count | undefined {
  if (isOne(a) || isSame(a, b)) return b;
  if (isOne(b)) return a;
  if (numberOf(a) !== undefined) return a;
  if (numberOf(b) !== undefined) return b;
  const [first, second] = [describeCount(a), describeCount(b)].sort();
  const name = `max[${first},${second}]`;
  return name.length > maxNameLength ? undefined : named(name);
}
