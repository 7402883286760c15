/** A member's place in a line, until it leaves. */
export class LinkedNode<Item> {
  readonly item: Item;
  readonly #line: LinkedQueue<Item>;
  /** For `LinkedQueue`, as are the next two. */
  previous: LinkedNode<Item> | undefined;
  next: LinkedNode<Item> | undefined;
  isTaken = true;

  constructor(line: LinkedQueue<Item>, item: Item) {
    this.#line = line;
    this.item = item;
  }

  /** Idempotent. */
  leave(): void {
    this.#line.remove(this);
  }
}

/** A queue that any member can leave at once. It works like a Set in insertion order, without the tables that a
 *  Set outgrows and leaves behind. Once those are old, V8 treats them as live until the next full collection,
 *  with every member of that time and all that it references; for short-lived members that is most of the cost
 *  of young collections. */
export class LinkedQueue<Item> {
  #first: LinkedNode<Item> | undefined;
  #last: LinkedNode<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The member that has been here longest. */
  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The place of the first member that `isIt` accepts. */
  find(isIt: (item: Item) => boolean): LinkedNode<Item> | undefined {
    let place = this.#first;
    while (place !== undefined && !isIt(place.item)) place = place.next;
    return place;
  }

  /** Adds a member at the end. */
  add(item: Item): LinkedNode<Item> {
    const place = new LinkedNode(this, item);
    const last = this.#last;
    if (last === undefined) this.#first = place;
    else {
      place.previous = last;
      last.next = place;
    }
    this.#last = place;
    this.#size++;
    return place;
  }

  /** For `LinkedNode`. */
  remove(place: LinkedNode<Item>): void {
    if (!place.isTaken) return;
    const { previous, next } = place;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    // Otherwise a member that left would keep later members alive.
    place.previous = undefined;
    place.next = undefined;
    place.isTaken = false;
    this.#size--;
  }

  /** In order. Members may join and leave meanwhile; if two neighbours leave in one step, it starts again. */
  *[Symbol.iterator](): Generator<Item, void, undefined> {
    for (let place = this.#first; place !== undefined; ) {
      const { next } = place;
      yield place.item;
      if (place.isTaken) place = place.next;
      else place = next === undefined || next.isTaken ? next : this.#first;
    }
  }
}
