import http from "node:http";
import https from "node:https";
import { describeError } from "../../../base/errors.ts";
import type { PayloadSink } from "../../../config/payload-log/payload-log-settings.ts";
import { payloadSenders } from "../../../config/payload-log/thread-memory.ts";
import { binaryMode, type CloudEvent, structuredMode } from "../events/cloud-event.ts";
import type { Outcome, Sink } from "./delivery.ts";
import { SinkFiles } from "./sink-files.ts";

type HttpSettings = Extract<PayloadSink, { kind: "http" }>;

/** Statuses that say "later" or, where a token is renewed, "with another token". */
const passing = new Set([401, 403, 408, 425, 429]);
const tooOften = 429;

interface Posted {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Posts events to a URL: each in a request of its own, as KServe does, or several as a JSON batch. Redirects are not
 *  followed: payloads and the token are for one server. */
export class HttpSink implements Sink {
  readonly senders: number = payloadSenders;
  readonly batch: Sink["batch"];
  readonly #settings: HttpSettings;
  readonly #url: URL;
  readonly #files: SinkFiles;
  #agent: { readonly agent: http.Agent; readonly version: number } | undefined;

  constructor(settings: HttpSettings) {
    this.#settings = settings;
    this.#url = new URL(settings.url);
    this.#files = new SinkFiles(settings);
    const { batchEvents: events, batchDelayMs } = settings;
    this.batch = { events, delayMs: events === 1 ? 0 : batchDelayMs };
  }

  async deliver(events: readonly CloudEvent[]): Promise<Outcome> {
    const { batchEvents } = this.#settings;
    const [first] = events;
    if (first === undefined) return { tag: "delivered" };
    const posted = batchEvents === 1 ? binaryMode(first) : batchOf(events);
    try {
      const { agent, authorization } = await this.#connection();
      const headers = { ...posted.headers, ...authorization };
      const outcome = await this.#post({ headers, body: posted.body }, agent);
      // A token, or a certificate, may just have been renewed.
      if (outcome.tag === "failed") this.#files.lookAgain();
      return outcome;
    } catch (error) {
      return failed(describeError(error));
    }
  }

  async close(): Promise<void> {
    this.#agent?.agent.destroy();
  }

  async #connection() {
    const { tls, token, version } = await this.#files.read();
    if (this.#agent?.version !== version) {
      this.#agent?.agent.destroy();
      const options = { keepAlive: true, maxSockets: this.senders };
      const agent =
        this.#url.protocol === "https:"
          ? new https.Agent({ ...options, ...tls, minVersion: "TLSv1.2" })
          : new http.Agent(options);
      this.#agent = { agent, version };
    }
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return { agent: this.#agent.agent, authorization };
  }

  #post(posted: Posted, agent: http.Agent): Promise<Outcome> {
    return new Promise((resolve) => {
      const { timeoutMs } = this.#settings;
      const send = this.#url.protocol === "https:" ? https.request : http.request;
      const request = send(this.#url, {
        method: "POST",
        agent,
        headers: { ...posted.headers, "content-length": posted.body.length },
      });
      const timer = setTimeout(() => {
        request.destroy(new Error(`no answer within ${timeoutMs} ms`));
      }, timeoutMs);
      const end = (outcome: Outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      };
      request.on("response", (response) => {
        const outcome = judge(response);
        // The connection is of use again when the body has passed.
        response
          .on("end", () => end(outcome))
          .on("close", () => end(outcome))
          .resume();
      });
      request.on("error", (error) => {
        // The sink had closed an idle connection; the event has not reached it.
        if (request.reusedSocket && isReset(error)) void this.#post(posted, agent).then(end);
        else end(failed(`${this.#url.origin}: ${describeError(error)}`));
      });
      request.end(posted.body);
    });
  }
}

function batchOf(events: readonly CloudEvent[]): Posted {
  return {
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: Buffer.from(`[${events.map(structuredMode).join(",")}]`),
  };
}

function judge({ statusCode = 0, headers }: http.IncomingMessage): Outcome {
  if (statusCode >= 200 && statusCode < 300) return { tag: "delivered" };
  if (statusCode >= 300 && statusCode < 400) {
    const reason = `it answers ${statusCode}, which points elsewhere: name the final URL`;
    return { tag: "refused", reason };
  }
  const reason = `it answers ${statusCode}`;
  if (statusCode < 500 && !passing.has(statusCode)) return { tag: "refused", reason };
  const mayWait = statusCode === tooOften || statusCode === 503;
  return { ...failed(reason), ...(mayWait && { afterMs: retryAfterMs(headers["retry-after"]) }) };
}

function failed(reason: string): Extract<Outcome, { tag: "failed" }> {
  return { tag: "failed", drop: "sink_failed", reason };
}

/** Seconds, or a date. */
function retryAfterMs(value: string | undefined): number {
  if (value === undefined) return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1_000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}

function isReset(error: Error): boolean {
  return ["ECONNRESET", "EPIPE"].includes((error as NodeJS.ErrnoException).code ?? "");
}
