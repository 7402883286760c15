/** The symbols of a word, of which neighbours are joined. Each keeps the place that it was added at. */
export class SymbolChain {
  #ids: Int32Array;
  #starts: Int32Array;
  #ends: Int32Array;
  /** -1 if there is none. */
  #next: Int32Array;
  #previous: Int32Array;
  #length = 0;

  constructor(capacity: number) {
    this.#ids = new Int32Array(capacity);
    this.#starts = new Int32Array(capacity);
    this.#ends = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#previous = new Int32Array(capacity);
  }

  /** Places, of which joined symbols still count. */
  get length(): number {
    return this.#length;
  }

  /** Appends a symbol for the units [start, end) of the word. */
  add(id: number, start: number, end: number): void {
    if (this.#length === this.#ids.length) this.#grow();
    const place = this.#length++;
    this.#ids[place] = id;
    this.#starts[place] = start;
    this.#ends[place] = end;
    this.#previous[place] = place - 1;
    this.#next[place] = -1;
    if (place > 0) this.#next[place - 1] = place;
  }

  idAt(place: number): number {
    return this.#ids[place] as number;
  }

  /** -1 for the last symbol, and for one that has been joined with the one before it. */
  nextOf(place: number): number {
    return this.#next[place] as number;
  }

  previousOf(place: number): number {
    return this.#previous[place] as number;
  }

  /** Makes one symbol of the one at `place` and the next. */
  join(place: number, id: number): void {
    const joined = this.#next[place] as number;
    const after = this.#next[joined] as number;
    this.#ids[place] = id;
    this.#ends[place] = this.#ends[joined] as number;
    this.#next[place] = after;
    this.#next[joined] = -1;
    if (after !== -1) this.#previous[after] = place;
  }

  /** Id, start and end of each symbol that is left. */
  rest(): Int32Array {
    const first = this.#length === 0 ? -1 : 0;
    let count = 0;
    for (let place = first; place !== -1; place = this.nextOf(place)) count++;
    const found = new Int32Array(count * 3);
    let at = 0;
    for (let place = first; place !== -1; place = this.nextOf(place)) {
      found[at++] = this.#ids[place] as number;
      found[at++] = this.#starts[place] as number;
      found[at++] = this.#ends[place] as number;
    }
    return found;
  }

  /** Bytes of a character may be symbols of their own. */
  #grow(): void {
    const larger = (array: Int32Array) => {
      const grown = new Int32Array(array.length * 2 + 4);
      grown.set(array);
      return grown;
    };
    this.#ids = larger(this.#ids);
    this.#starts = larger(this.#starts);
    this.#ends = larger(this.#ends);
    this.#next = larger(this.#next);
    this.#previous = larger(this.#previous);
  }
}
