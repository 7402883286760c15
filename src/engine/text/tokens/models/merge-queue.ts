/** What a rank is multiplied with, to make room for a place: more than the longest word has. */
const places = 2 ** 27;

/** Possible merges: the lowest rank first, and of the same rank the first in the word. */
export class MergeQueue {
  /** A binary heap of rank * places + place. */
  #heap: Float64Array;
  #size = 0;

  constructor(capacity: number) {
    this.#heap = new Float64Array(Math.max(4, capacity));
  }

  add(rank: number, place: number): void {
    if (this.#size === this.#heap.length) {
      const larger = new Float64Array(this.#size * 2);
      larger.set(this.#heap);
      this.#heap = larger;
    }
    const heap = this.#heap;
    const key = rank * places + place;
    let at = this.#size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const other = heap[parent] as number;
      if (other <= key) break;
      heap[at] = other;
      at = parent;
    }
    heap[at] = key;
  }

  /** Removes the first one. */
  take(): { readonly rank: number; readonly place: number } | undefined {
    if (this.#size === 0) return undefined;
    const heap = this.#heap;
    const first = heap[0] as number;
    const key = heap[--this.#size] as number;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && (heap[child + 1] as number) < (heap[child] as number)) child++;
      const other = heap[child] as number;
      if (other >= key) break;
      heap[at] = other;
      at = child;
    }
    heap[at] = key;
    return { rank: Math.floor(first / places), place: first % places };
  }
}
