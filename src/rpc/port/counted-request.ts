import { IncomingMessage } from "node:http";

/** A request of HTTP/1.1 that tells of the bytes of its body as they arrive, before anybody reads them, and
 *  can be taken away from whoever does without the end of its connection. */
export class CountedRequest extends IncomingMessage {
  /** Called with each piece that has arrived, which must not be kept. */
  onBody: (chunk: Buffer) => void = () => {};
  #isRefused = false;

  /** Fails it for its readers. What still arrives of it is dropped. */
  refuse(reason: Error): void {
    this.#isRefused = true;
    // It may be that nobody reads yet, or not any more; an error that nobody hears ends the process.
    this.on("error", () => {});
    this.destroy(reason);
  }

  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    // To want no more would stop the connection, whose client is to read an answer.
    if (this.#isRefused) return true;
    if (chunk !== null) this.onBody(chunk);
    return super.push(chunk, encoding);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Node's own destroys the connection.
    if (this.#isRefused) callback(error);
    else super._destroy(error, callback);
  }
}
