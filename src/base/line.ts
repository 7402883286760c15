/** A member's place in a line, until it leaves. */
export class Place<Item> {
  readonly item: Item;
  readonly #line: Line<Item>;
  /** For `Line`, as are the next two. */
  previous: Place<Item> | undefined;
  next: Place<Item> | undefined;
  isTaken = true;

  constructor(line: Line<Item>, item: Item) {
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
export class Line<Item> {
  #first: Place<Item> | undefined;
  #last: Place<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The member that has been here longest. */
  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The place of the first member that `isIt` accepts. */
  find(isIt: (item: Item) => boolean): Place<Item> | undefined {
    let place = this.#first;
    while (place !== undefined && !isIt(place.item)) place = place.next;
    return place;
  }

  /** Adds a member at the end. */
  add(item: Item): Place<Item> {
    const place = new Place(this, item);
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

  /** For `Place`. */
  remove(place: Place<Item>): void {
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
