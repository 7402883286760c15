import { Code, ConnectError } from "@connectrpc/connect";
import type { Endpoint } from "./port/endpoint.ts";

/** How long aborted calls have to answer their clients. */
const abortGraceMs = 1000;

/** The end of a server, in steps: first what never ends by itself, then calls that take too long, then
 *  connections. */
export class ServerEnd {
  readonly #closing = new AbortController();
  readonly #aborting = new AbortController();

  /** Aborts when the server begins to stop. Ends streams that would go on forever, such as watches. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Aborts when calls in flight have had their time. Its reason is a ConnectError. */
  get aborting(): AbortSignal {
    return this.#aborting.signal;
  }

  /** Lets calls in flight go on for `graceMs`, then aborts them. Resolves when every connection is closed. */
  async endCalls(port: Pick<Endpoint, "close" | "destroy">, graceMs: number): Promise<void> {
    this.#closing.abort();
    const reason = new ConnectError("the runtime is shutting down", Code.Unavailable);
    const abort = setTimeout(() => this.#aborting.abort(reason), graceMs);
    const destroy = setTimeout(() => port.destroy(), graceMs + abortGraceMs);
    await port.close();
    clearTimeout(abort);
    clearTimeout(destroy);
  }
}
