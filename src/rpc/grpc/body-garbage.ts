import { exposedCollector } from "../guard/collector.ts";

/** Pieces of bodies between two collections: few enough that V8's external memory never reaches 64 MB, and
 *  enough that a collection of half a millisecond costs each large request little. */
const bytesPerCollection = 8 * 1024 * 1024;

/** Collects young garbage in time. The pieces in which bodies arrive lie outside V8's heap; at 64 MB of that,
 *  V8 starts a full collection, which takes many times as long as a young one and frees no more. With large
 *  requests that point is reached first, again and again, since they leave hardly any other garbage. */
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
