/** Picks a share of calls at random: not each tenth, since traffic may have a rhythm of its own. With the same seed, the
 *  same ones of a sequence are picked. */
export class Sampler {
  readonly #share: number;
  #state: number;

  constructor(share: number, seed: number = Math.floor(Math.random() * 2 ** 32)) {
    this.#share = share;
    this.#state = seed | 0;
  }

  /** Whether the next call is picked. */
  next(): boolean {
    return this.#share >= 1 || (this.#share > 0 && this.#random() < this.#share);
  }

  /** mulberry32: passes the usual tests, and costs a few multiplications. */
  #random(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
}
