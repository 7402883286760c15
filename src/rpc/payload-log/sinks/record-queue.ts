import { type ReadRecord, readRecord } from "../call-record.ts";

/** Records in the order in which they came. The buffer behind the first ones is let go when all of its records are
 *  taken. */
export class RecordQueue {
  readonly #buffers: Buffer[] = [];
  #at = 0;
  #wake: (() => void) | undefined;
  #arrived: Promise<void> | undefined;

  add(records: Uint8Array): void {
    this.#buffers.push(Buffer.from(records.buffer, records.byteOffset, records.length));
    this.#wake?.();
    this.#arrived = undefined;
    this.#wake = undefined;
  }

  get isEmpty(): boolean {
    return this.#buffers.length === 0;
  }

  /** Undefined: there is none. */
  take(): (ReadRecord & { readonly sizeBytes: number }) | undefined {
    const [buffer] = this.#buffers;
    if (buffer === undefined) return undefined;
    const record = readRecord(buffer, this.#at);
    const sizeBytes = record.end - this.#at;
    this.#at = record.end;
    if (this.#at >= buffer.length) {
      this.#buffers.shift();
      this.#at = 0;
    }
    return { ...record, sizeBytes };
  }

  /** Resolves when a record comes. */
  arrival(): Promise<void> {
    this.#arrived ??= new Promise((resolve) => {
      this.#wake = resolve;
    });
    return this.#arrived;
  }

  /** Everybody who waits gets on. */
  wake(): void {
    this.#wake?.();
    this.#arrived = undefined;
    this.#wake = undefined;
  }
}
