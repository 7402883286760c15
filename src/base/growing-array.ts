type Numbers = Uint8Array | Int32Array | Float32Array | Float64Array;

/** A typed array that elements are added to. */
export class GrowingArray<T extends Numbers> {
  #array: T;
  #length = 0;
  readonly #make: (capacity: number) => T;

  /** `make`: creates an array of a given length. */
  constructor(make: (capacity: number) => T) {
    this.#make = make;
    this.#array = make(64);
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#array.length) {
      const larger = this.#make(this.#length * 2);
      larger.set(this.#array);
      this.#array = larger;
    }
    this.#array[this.#length++] = value;
  }

  /** Its elements, as a view that is valid until the next `push`. */
  elements(): T {
    return this.#array.subarray(0, this.#length) as T;
  }
}
