/** One's place in a line, until it leaves. */
export class Place<Item> {
  readonly item: Item;
  readonly #line: Line<Item>;
  /** For `Line`, as the next two. */
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

/** A queue that any member can leave at once. As a Set in the order of insertion, without what a Set leaves
 *  behind: the tables that it has outgrown. Once they are old, V8 takes them for alive until the next full
 *  collection, with every member of that time and all that can be reached from there; for members that
 *  live for a moment, that is most of what young collections cost. */
export class Line<Item> {
  #first: Place<Item> | undefined;
  #last: Place<Item> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Who has been here for longest. */
  get first(): Item | undefined {
    return this.#first?.item;
  }

  /** The place of the first whom `isIt` accepts. */
  find(isIt: (item: Item) => boolean): Place<Item> | undefined {
    let place = this.#first;
    while (place !== undefined && !isIt(place.item)) place = place.next;
    return place;
  }

  /** At the end. */
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
    // Else who left would keep those alive that came after it.
    place.previous = undefined;
    place.next = undefined;
    place.isTaken = false;
    this.#size--;
  }

  /** In order. Members may come and go meanwhile; where two neighbours leave in one step it begins again. */
  *[Symbol.iterator](): Generator<Item, void, undefined> {
    for (let place = this.#first; place !== undefined; ) {
      const { next } = place;
      yield place.item;
      if (place.isTaken) place = place.next;
      else place = next === undefined || next.isTaken ? next : this.#first;
    }
  }
}
