/** Texts by their UTF-16 units, in a few flat arrays: a map for each node would take ten times the memory. */
export class UnitTrie {
  /** An open hash table from a node and a unit to the child; 0 marks a free place, since the root is no child. */
  #parents = new Int32Array(1024);
  #units = new Uint16Array(1024);
  #children = new Int32Array(1024);
  #nodes = 1;
  /** By node; -1 if no text ends there. */
  #values = new Int32Array(1024).fill(-1);

  /** A later value of the same text takes the place of an earlier one. `value`: at least 0. */
  set(text: string, value: number): void {
    let node = 0;
    for (let at = 0; at < text.length; at++) node = this.#childOrNew(node, text.charCodeAt(at));
    this.#values[node] = value;
  }

  /** The node that a unit leads to; 0 if there is none. The root is node 0. */
  childOf(node: number, unit: number): number {
    return this.#children[this.#placeOf(node, unit)] as number;
  }

  /** -1 if no text ends there. */
  valueOf(node: number): number {
    return this.#values[node] as number;
  }

  #childOrNew(parent: number, unit: number): number {
    const child = this.childOf(parent, unit);
    if (child !== 0) return child;
    if (this.#nodes * 2 > this.#children.length) this.#grow();
    const node = this.#nodes++;
    if (node === this.#values.length) {
      const larger = new Int32Array(node * 2).fill(-1);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#put(parent, unit, node);
    return node;
  }

  #put(parent: number, unit: number, child: number): void {
    const place = this.#placeOf(parent, unit);
    this.#parents[place] = parent;
    this.#units[place] = unit;
    this.#children[place] = child;
  }

  /** Where the child is, or would be. */
  #placeOf(node: number, unit: number): number {
    const mask = this.#children.length - 1;
    let hash = Math.imul(node, 0x9e3779b1) ^ Math.imul(unit, 0x85ebca6b);
    hash ^= hash >>> 15;
    let place = hash & mask;
    while (
      this.#children[place] !== 0 &&
      (this.#parents[place] !== node || this.#units[place] !== unit)
    ) {
      place = (place + 1) & mask;
    }
    return place;
  }

  #grow(): void {
    const [parents, units, children] = [this.#parents, this.#units, this.#children];
    const capacity = children.length * 2;
    this.#parents = new Int32Array(capacity);
    this.#units = new Uint16Array(capacity);
    this.#children = new Int32Array(capacity);
    for (let place = 0; place < children.length; place++) {
      const child = children[place] as number;
      if (child !== 0) this.#put(parents[place] as number, units[place] as number, child);
    }
  }
}
