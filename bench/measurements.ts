/** What is measured, once for each round. "x" is a ratio. */
export type Unit = "/s" | "µs" | "ms" | "KiB" | "MiB" | "models" | "x";

export interface Measurement {
  readonly id: string;
  readonly unit: Unit;
  readonly rounds: readonly number[];
  readonly median: number;
}

export interface Skipped {
  readonly what: string;
  readonly reason: string;
}

/** Everything that one run has measured, by id. An id is a path from the general to the special:
 *  "rpc/1 KiB, 64 streams/modelport". */
export class Measurements {
  readonly #rounds = new Map<string, { readonly unit: Unit; readonly values: number[] }>();
  readonly #skipped: Skipped[] = [];

  /** Adds one round's value, which must be a finite number. */
  add(id: string, unit: Unit, value: number): void {
    if (!Number.isFinite(value)) throw new Error(`${id} was measured as ${value}`);
    const known = this.#rounds.get(id);
    if (known === undefined) this.#rounds.set(id, { unit, values: [value] });
    else if (known.unit === unit) known.values.push(value);
    else throw new Error(`${id} was measured in ${known.unit} and in ${unit}`);
  }

  /** Notes what could not be measured here, and why; once, if it happens in every round. */
  skip(what: string, reason: string): void {
    if (this.#skipped.some((known) => known.what === what)) return;
    this.#skipped.push({ what, reason });
  }

  get(id: string): Measurement | undefined {
    const found = this.#rounds.get(id);
    if (found === undefined) return undefined;
    return { id, unit: found.unit, rounds: found.values, median: quantile(found.values, 0.5) };
  }

  /** In the order in which they were first measured. */
  all(): Measurement[] {
    return [...this.#rounds.keys()].flatMap((id) => this.get(id) ?? []);
  }

  get skipped(): readonly Skipped[] {
    return this.#skipped;
  }
}

/** The value below which the share `q` of `values` lies, interpolated between neighbours. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new Error("no values to take a share of");
  return below + (above - below) * (position - Math.floor(position));
}
