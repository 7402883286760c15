import http from "node:http";
import type { Server } from "node:net";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import { closeListener, listenTcp, portOf } from "../port/listeners.ts";
import type { MetricsPage } from "./page.ts";

// A scrape has no body, and its client is in no hurry.
const requestTimeoutMs = 10_000;

/** A port for scrapes only. Any client that can reach it may read: the network controls access. */
export class MetricsPort {
  readonly #page: MetricsPage;
  readonly #log: Logger;
  #servers: readonly Server[] = [];

  constructor(page: MetricsPage, log: Logger) {
    this.#page = page;
    this.#log = log;
  }

  /** Resolves with the port. Rejects with "failed-precondition" if the address is not available. */
  async listen(at: { readonly host: string; readonly port: number }): Promise<number> {
    const options = { requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs };
    this.#servers = await listenTcp(
      () => http.createServer(options, (request, response) => void this.#answer(request, response)),
      at,
    );
    return this.#servers.map(portOf)[0] ?? at.port;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        const closed = closeListener(server);
        (server as http.Server).closeAllConnections();
        return closed;
      }),
    );
  }

  async #answer(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    request.resume();
    const path = request.url?.split("?", 1)[0];
    if (path !== "/metrics") return refuse(response, 404, "this port serves only /metrics");
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("allow", "GET, HEAD");
      return refuse(response, 405, "use GET to read metrics");
    }
    try {
      const { contentType, body } = await this.#page.render(request.headers.accept);
      response.writeHead(200, {
        "content-type": contentType,
        "content-length": Buffer.byteLength(body),
      });
      response.end(body);
    } catch (reason) {
      this.#log.error({ err: reason }, "metrics failed");
      refuse(response, 500, describeError(reason));
    }
  }
}

function refuse(response: http.ServerResponse, status: number, error: string): void {
  const body = JSON.stringify({ error });
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  response.end(body);
}
