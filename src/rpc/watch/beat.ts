/** A shared clock: all watchers with the same interval wake at the same moment, see the same revision, and can
 *  be sent the same bytes. */
export class WatchBeat {
  readonly #strokes = new Map<number, Promise<void>>();

  /** Resolves at the next multiple of `intervalMs`. */
  next(intervalMs: number): Promise<void> {
    const waiting = this.#strokes.get(intervalMs);
    if (waiting !== undefined) return waiting;
    const stroke = new Promise<void>((resolve) => {
      const restMs = intervalMs - (performance.now() % intervalMs);
      setTimeout(() => {
        this.#strokes.delete(intervalMs);
        resolve();
      }, restMs);
    });
    this.#strokes.set(intervalMs, stroke);
    return stroke;
  }
}
