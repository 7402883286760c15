/** The next run may have another size than these: it is expected to take up to this multiple of the biggest
 *  one measured, as if the need grew with the square. */
const mostFactor = 4;
const mostPoints = 16;
const margin = 1.3;

interface Point {
  readonly elements: number;
  readonly bytes: number;
}

/** What a model's runs took whose shapes cannot be followed, by the number of elements in their inputs. */
export class LearntBytes {
  /** By elements, ascending. */
  #points: readonly Point[] = [];

  note(elements: number, bytes: number): void {
    const same = this.#points.find((point) => point.elements === elements);
    const others = this.#points.filter((point) => point !== same);
    const most = Math.max(bytes, same?.bytes ?? 0);
    const points = [...others, { elements, bytes: most }].sort((a, b) => a.elements - b.elements);
    // The biggest says the most; which of the others go hardly matters.
    this.#points = points.length > mostPoints ? points.slice(1) : points;
  }

  /** Undefined if unknown. */
  expect(elements: number): number | undefined {
    const last = this.#points.at(-1);
    if (last === undefined || elements > mostFactor * last.elements) return undefined;
    if (elements > last.elements) return margin * last.bytes * (elements / last.elements) ** 2;
    const next = this.#points.findIndex((point) => point.elements >= elements);
    let most = 0;
    for (const { bytes } of this.#points.slice(0, next + 1)) most = Math.max(most, bytes);
    return margin * most;
  }
}
