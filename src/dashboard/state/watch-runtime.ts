import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { type Signal, signal } from "@preact/signals";
import { RuntimeWatchService } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { transport } from "../server-transport.ts";
import { backoffMs } from "./backoff.ts";
import type { RuntimeStore } from "./runtime-store.ts";

export type Connection =
  | { readonly tag: "connecting" }
  | { readonly tag: "live" }
  /** `retryAtMs`: the time of the next attempt, by this page's clock. */
  | { readonly tag: "lost"; readonly reason: string; readonly retryAtMs: number };

const watchClient = createClient(RuntimeWatchService, transport);

/** The server sends a message at least every two seconds: after this long without one it counts as unreachable. */
const silenceLimitMs = 6_000;
const intervalMs = 250;

/** Keeps `store` in step with the server as long as the page is open, however often the connection breaks. */
export class RuntimeWatch {
  readonly connection: Signal<Connection> = signal({ tag: "connecting" });
  /** When the last message arrived, by this page's clock; 0 before the first. */
  readonly heardMs: Signal<number> = signal(0);
  /** Whether the server requires authentication first. */
  readonly isRefused: Signal<boolean> = signal(false);
  readonly #store: RuntimeStore;
  #attempt = 0;
  #wake: () => void = () => {};
  #hangUp: () => void = () => {};
  #isHangingUp = false;

  constructor(store: RuntimeStore) {
    this.#store = store;
  }

  /** Does not return. */
  async run(): Promise<never> {
    for (;;) {
      const reason = await this.#listen();
      if (this.#isHangingUp) {
        this.#isHangingUp = false;
        continue;
      }
      const waitMs = backoffMs(++this.#attempt);
      this.connection.value = { tag: "lost", reason, retryAtMs: Date.now() + waitMs };
      await this.#sleep(waitMs);
    }
  }

  /** Retries at once if it is waiting for its next attempt. */
  retryNow(): void {
    this.#wake();
  }

  /** Calls again, since the server might respond differently now. */
  reconnect(): void {
    this.#attempt = 0;
    this.#wake();
    this.#hangUp();
  }

  /** Resolves with the reason once the connection has broken. */
  async #listen(): Promise<string> {
    const silent = new AbortController();
    const giveUp = () => silent.abort();
    let timer = setTimeout(giveUp, silenceLimitMs);
    this.#hangUp = () => {
      this.#isHangingUp = true;
      giveUp();
    };
    try {
      const messages = watchClient.watch({ minIntervalMs: intervalMs }, { signal: silent.signal });
      for await (const message of messages) {
        clearTimeout(timer);
        timer = setTimeout(giveUp, silenceLimitMs);
        this.#store.apply(message);
        this.#attempt = 0;
        this.heardMs.value = Date.now();
        this.isRefused.value = false;
        if (this.connection.value.tag !== "live") this.connection.value = { tag: "live" };
      }
      return "the server ended the stream";
    } catch (error) {
      if (silent.signal.aborted) return "the server does not respond";
      const { code, rawMessage } = ConnectError.from(error);
      this.isRefused.value = code === Code.Unauthenticated || code === Code.PermissionDenied;
      return rawMessage;
    } finally {
      this.#hangUp = () => {};
      clearTimeout(timer);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
