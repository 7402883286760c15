/** What must be true of an id: that nothing is loaded, that this file is, or no telling. */
export type Expected =
  | { readonly tag: "absent" }
  | { readonly tag: "loaded"; readonly sizeBytes: number }
  | { readonly tag: "open" };

interface Span {
  readonly ids: readonly string[];
  /** Whether nothing else touched the id since it began. */
  isAlone: boolean;
}

/** The simplest model of the runtime that is right: it has an opinion only on ids that nothing is
 *  touching, after a call that nothing overlapped. */
export class ReferenceModel {
  readonly #expected = new Map<string, Expected>();
  readonly #spans = new Set<Span>();

  expected(id: string): Expected {
    for (const span of this.#spans) if (span.ids.includes(id)) return { tag: "open" };
    return this.#expected.get(id) ?? { tag: "absent" };
  }

  /** A call that may change these ids begins. The function returned ends it with what it left behind,
   *  undefined if the call says nothing of that; it returns whether nothing overlapped the call. */
  begin(ids: readonly string[]): (left: Expected | undefined) => boolean {
    const span: Span = { ids, isAlone: true };
    const before = new Map(ids.map((id) => [id, this.expected(id)]));
    for (const other of this.#spans) {
      if (!other.ids.some((id) => ids.includes(id))) continue;
      other.isAlone = false;
      span.isAlone = false;
    }
    this.#spans.add(span);
    return (left) => {
      this.#spans.delete(span);
      for (const id of ids) {
        // A call that failed leaves nothing where nothing was.
        const after = left ?? (before.get(id)?.tag === "absent" ? { tag: "absent" } : undefined);
        this.#expected.set(id, (span.isAlone ? after : undefined) ?? { tag: "open" });
      }
      return span.isAlone;
    };
  }

  /** Something happened to these ids that no call had asked for. */
  disturb(ids: readonly string[]): void {
    for (const span of this.#spans) {
      if (span.ids.some((id) => ids.includes(id))) span.isAlone = false;
    }
    for (const id of ids) {
      if (this.#expected.get(id)?.tag === "loaded") this.#expected.set(id, { tag: "open" });
    }
  }
}
