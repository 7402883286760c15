/** A stream of pseudo-random numbers that a seed repeats (splitmix32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** From 0 to `end` - 1. */
  below(end: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) % end;
  }

  pick<Item>(items: readonly [Item, ...Item[]]): Item {
    return items[this.below(items.length)] ?? items[0];
  }
}

/** A copy with one to four wounds: bytes changed, cut out, put in, doubled, or the end torn off. */
export function mutateBytes(bytes: Uint8Array, random: Random): Buffer<ArrayBuffer> {
  let mutated = Buffer.from(bytes);
  for (let wounds = 1 + random.below(4); wounds > 0; wounds--) {
    const at = random.below(mutated.length + 1);
    const length = 1 + random.below(8);
    const before = mutated.subarray(0, at);
    const after = mutated.subarray(at);
    switch (random.below(6)) {
      case 0:
        if (at < mutated.length) mutated[at] = random.below(256);
        break;
      case 1:
        if (at < mutated.length) mutated[at] = (mutated[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 2:
        mutated = Buffer.concat([before, after.subarray(length)]);
        break;
      case 3: {
        const inserted = Uint8Array.from({ length }, () =>
          random.pick([0, 0x7f, 0xff, 0x2d, 0x5b]),
        );
        mutated = Buffer.concat([before, inserted, after]);
        break;
      }
      case 4:
        mutated = Buffer.concat([before, after.subarray(0, length), after]);
        break;
      default:
        mutated = Buffer.from(before);
    }
  }
  return mutated;
}

/** A copy of a JSON value with one to three of its parts replaced, removed, doubled or renamed. */
export function mutateJson(value: unknown, random: Random): unknown {
  const copy: unknown = structuredClone(value);
  for (let wounds = 1 + random.below(3); wounds > 0; wounds--) {
    const places = placesIn(copy);
    const place = places[random.below(places.length)];
    if (place === undefined) return random.pick(odd);
    const { owner, key } = place;
    switch (random.below(4)) {
      case 0:
        delete owner[key];
        break;
      case 1:
        owner[`${key}s`] = owner[key];
        break;
      default:
        owner[key] = structuredClone(random.pick(odd));
    }
  }
  return copy;
}

const odd: readonly [unknown, ...unknown[]] = [
  null,
  true,
  "",
  "x",
  "BYTES",
  "Model x not found",
  -1,
  0,
  1,
  0.5,
  1e308,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  [],
  {},
  [[[[[]]]]],
  [1, [2, "3"]],
  { data: [1] },
  "\ud800",
  "9".repeat(400),
];

interface Place {
  readonly owner: Record<string, unknown>;
  readonly key: string;
}

function placesIn(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const owner = value as Record<string, unknown>;
  return Object.keys(owner).flatMap((key) => [{ owner, key }, ...placesIn(owner[key])]);
}
