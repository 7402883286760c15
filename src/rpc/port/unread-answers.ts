import type { Socket } from "node:net";

/** Destroys HTTP/1.1 connections whose clients stopped reading. Node has no timeout for that: its own would
 *  also end connections that wait for a long inference. */
export class UnreadAnswers {
  readonly #timeoutMs: number;
  /** Connections that had unsent data at the last check. */
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
