import type { TextItem } from "../../engine/text/items/text-item.ts";
import type { EmbeddingCacheFigures } from "../contract/text.ts";

export interface CachedVector {
  readonly values: Float32Array;
  readonly tokens: number;
}

/** What an entry takes besides its text and its vector: the objects and their places in two maps. */
const entryBytes = 400;

interface Entry extends CachedVector {
  readonly key: string;
  readonly generation: number;
  readonly sizeBytes: number;
}

/** Vectors of texts that were asked for before: by the model's generation, the exact text, and how it was read. The
 *  one that was not asked for the longest gives way. */
export class EmbeddingCache implements EmbeddingCacheFigures {
  readonly capacityBytes: number;
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry>();
  #sizeBytes = 0;
  #hits = 0;
  #misses = 0;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get counts(): EmbeddingCacheFigures["counts"] {
    return { hits: this.#hits, misses: this.#misses };
  }

  find(generation: number, item: TextItem): CachedVector | undefined {
    const key = keyOf(generation, item);
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (entry === undefined) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    this.#entries.delete(entry.key);
    this.#entries.set(entry.key, entry);
    return entry;
  }

  add(generation: number, item: TextItem, { values, tokens }: CachedVector): void {
    const key = keyOf(generation, item);
    if (key === undefined) return;
    const sizeBytes = entryBytes + 2 * key.length + values.byteLength;
    if (sizeBytes > this.capacityBytes) return;
    this.#drop(this.#entries.get(key));
    // A view would keep the vectors of the whole run.
    const entry = { key, generation, sizeBytes, values: values.slice(), tokens };
    this.#entries.set(key, entry);
    this.#sizeBytes += sizeBytes;
    for (const oldest of this.#entries.values()) {
      if (this.#sizeBytes <= this.capacityBytes) break;
      this.#drop(oldest);
    }
  }

  /** The model is gone: nobody can ask for its vectors. */
  forget(generation: number): void {
    for (const entry of this.#entries.values()) {
      if (entry.generation === generation) this.#drop(entry);
    }
  }

  #drop(entry: Entry | undefined): void {
    if (entry === undefined) return;
    this.#entries.delete(entry.key);
    this.#sizeBytes -= entry.sizeBytes;
  }
}

/** Undefined for tokens: whoever has counted them has a cache of his own. */
function keyOf(generation: number, item: TextItem): string | undefined {
  const { text, prompt = "", truncate, truncateSide = "" } = item;
  if (text === undefined) return undefined;
  return `${generation} ${truncate} ${truncateSide} ${prompt.length} ${prompt}${text}`;
}
