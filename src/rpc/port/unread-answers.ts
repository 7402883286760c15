import type { Socket } from "node:net";

/** Destroys connections of HTTP/1.1 whose clients take nothing more of what is written to them. Node has no
 *  timeout for that: its own would also end those who wait for a long inference. */
export class UnreadAnswers {
  readonly #timeoutMs: number;
  /** Connections that had something to write when they were last looked at. */
  readonly #waiting = new Map<Socket, { readonly bytes: number; readonly sinceMs: number }>();

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Call it from time to time with every open connection. */
  sweep(sockets: Iterable<Socket>): void {
    const nowMs = performance.now();
    for (const socket of sockets) {
      const bytes = socket.writableLength;
      if (bytes === 0) {
        this.#waiting.delete(socket);
        continue;
      }
      const last = this.#waiting.get(socket);
      if (last?.bytes !== bytes) this.#note(socket, { bytes, sinceMs: nowMs });
      else if (nowMs - last.sinceMs > this.#timeoutMs) socket.destroy();
    }
  }

  #note(socket: Socket, state: { readonly bytes: number; readonly sinceMs: number }): void {
    if (!this.#waiting.has(socket)) socket.once("close", () => this.#waiting.delete(socket));
    this.#waiting.set(socket, state);
  }
}
