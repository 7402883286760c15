// ONNX Runtime's arena, as far as it decides what memory runs leave behind: BFCArena with its default settings.
// It keeps whole regions, takes the smallest free piece that is big enough, and cuts it only if half of it or
// more would remain. So one run needs more than lives at a time, and runs of other sizes add to it.

/** What a run asks for, in order: a piece of memory, or the end of one. */
export type ArenaStep =
  | { readonly tag: "allocate"; readonly piece: number; readonly bytes: number }
  | { readonly tag: "free"; readonly piece: number };

interface Chunk {
  readonly region: Region;
  start: number;
  end: number;
  isFree: boolean;
}

interface Region {
  readonly chunks: Chunk[];
  /** Disjoint and in order: what was ever handed out, and so may have been written. */
  touched: (readonly [start: number, end: number])[];
}

const alignment = 256;
const firstRegionBytes = 1024 * 1024;
const mostRegionBytes = 1024 * 1024 * 1024;
/** A piece may be so much too big without being cut. */
const mostWasteBytes = 128 * 1024 * 1024;

/** Bounds the work. Longer runs are taken to need this much of what they have at a time. */
const maxSteps = 60_000;
const usualFactor = 1.5;

/** Bytes that have been written to after `runs`, one after the other. */
export function arenaBytes(
  runs: readonly { readonly steps: readonly ArenaStep[]; readonly peakBytes: number }[],
): number {
  if (runs.reduce((sum, { steps }) => sum + steps.length, 0) > maxSteps) {
    return usualFactor * Math.max(...runs.map(({ peakBytes }) => peakBytes));
  }
  const arena = new Arena();
  for (const { steps } of runs) arena.run(steps);
  return arena.touchedBytes;
}

class Arena {
  readonly #regions: Region[] = [];
  readonly #free = new Set<Chunk>();
  #nextRegionBytes = firstRegionBytes;

  get touchedBytes(): number {
    let total = 0;
    for (const { touched } of this.#regions) {
      for (const [start, end] of touched) total += end - start;
    }
    return total;
  }

  run(steps: readonly ArenaStep[]): void {
    const pieces = new Map<number, Chunk>();
    for (const step of steps) {
      if (step.tag === "allocate") pieces.set(step.piece, this.#allocate(step.bytes));
      else {
        const chunk = pieces.get(step.piece);
        pieces.delete(step.piece);
        if (chunk !== undefined) this.#release(chunk);
      }
    }
    for (const chunk of pieces.values()) this.#release(chunk);
  }

  #allocate(bytes: number): Chunk {
    const rounded = Math.max(1, Math.ceil(bytes / alignment)) * alignment;
    const chunk = this.#smallest(rounded) ?? this.#extend(rounded);
    const size = chunk.end - chunk.start;
    if (size >= 2 * rounded || size - rounded >= mostWasteBytes) this.#cut(chunk, rounded);
    chunk.isFree = false;
    this.#free.delete(chunk);
    touch(chunk.region, [chunk.start, chunk.start + rounded]);
    return chunk;
  }

  #smallest(bytes: number): Chunk | undefined {
    let found: Chunk | undefined;
    for (const chunk of this.#free) {
      const size = chunk.end - chunk.start;
      if (size >= bytes && (found === undefined || size < found.end - found.start)) found = chunk;
    }
    return found;
  }

  #extend(bytes: number): Chunk {
    const isBigEnough = bytes <= this.#nextRegionBytes;
    while (bytes > this.#nextRegionBytes) this.#nextRegionBytes *= 2;
    const region: Region = { chunks: [], touched: [] };
    const chunk = { region, start: 0, end: this.#nextRegionBytes, isFree: true };
    region.chunks.push(chunk);
    this.#regions.push(region);
    this.#free.add(chunk);
    if (isBigEnough) {
      this.#nextRegionBytes = Math.min(2 * this.#nextRegionBytes, mostRegionBytes);
    }
    return chunk;
  }

  #cut(chunk: Chunk, bytes: number): void {
    const { chunks } = chunk.region;
    const rest = { region: chunk.region, start: chunk.start + bytes, end: chunk.end, isFree: true };
    chunk.end = rest.start;
    chunks.splice(chunks.indexOf(chunk) + 1, 0, rest);
    this.#free.add(rest);
  }

  #release(chunk: Chunk): void {
    chunk.isFree = true;
    this.#free.add(chunk);
    const { chunks } = chunk.region;
    const at = chunks.indexOf(chunk);
    const after = chunks[at + 1];
    if (after?.isFree) {
      chunk.end = after.end;
      chunks.splice(at + 1, 1);
      this.#free.delete(after);
    }
    const before = chunks[at - 1];
    if (before?.isFree) {
      before.end = chunk.end;
      chunks.splice(at, 1);
      this.#free.delete(chunk);
    }
  }
}

function touch(region: Region, [start, end]: readonly [start: number, end: number]): void {
  const apart = region.touched.filter(([from, to]) => to < start || from > end);
  const joined = region.touched.filter(([from, to]) => to >= start && from <= end);
  const first = Math.min(start, ...joined.map(([from]) => from));
  const last = Math.max(end, ...joined.map(([, to]) => to));
  region.touched = [...apart, [first, last]];
}
