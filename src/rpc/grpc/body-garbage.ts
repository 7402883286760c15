import { exposedCollector } from "../guard/collector.ts";

/** Pieces of bodies between two collections: so few that V8 never counts its 64 MB, so many that a collection
 *  of half a millisecond costs each large request little. */
const bytesPerCollection = 8 * 1024 * 1024;

/** Collects young garbage in time. The pieces in which bodies arrive lie outside of V8's heap; at 64 MB of
 *  that, V8 begins a full collection, which takes many times what a young one does and frees no more. With
 *  large requests that comes first, again and again, since they leave hardly any other garbage behind. */
export class BodyGarbage {
  readonly #collect = exposedCollector();
  #bytes = 0;

  /** A piece of a body has arrived and will be garbage soon. */
  add(chunk: Uint8Array): void {
    this.#bytes += chunk.length;
    if (this.#bytes < bytesPerCollection) return;
    this.#bytes = 0;
    this.#collect({ type: "minor" });
  }
}
