import { IncomingMessage } from "node:http";

/** An HTTP/1.1 request that reports the bytes of its body as they arrive, before its reader gets them, and that
 *  can be failed without ending its connection. */
export class CountedRequest extends IncomingMessage {
  /** Called with each piece that has arrived, which must not be kept. */
  onBody: (chunk: Buffer) => void = () => {};
  #isRefused = false;

  /** Fails it for its readers. What still arrives of it is dropped. */
  refuse(reason: Error): void {
    this.#isRefused = true;
    // It may have no reader yet, or no longer; an unhandled error ends the process.
    this.on("error", () => {});
    this.destroy(reason);
  }

  override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
    // Pausing would stall the connection, whose client still has to read a response.
    if (this.#isRefused) return true;
    if (chunk !== null) this.onBody(chunk);
    return super.push(chunk, encoding);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Node's own implementation destroys the connection.
    if (this.#isRefused) callback(error);
    else super._destroy(error, callback);
  }
}
