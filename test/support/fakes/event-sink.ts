import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { waitFor } from "../wait-for.ts";

/** A CloudEvent as its sink reads it. */
export interface SunkEvent {
  /** Of the event, decoded, in either mode. */
  readonly attributes: Readonly<Record<string, string>>;
  readonly type: string | undefined;
  readonly bytes: Buffer;
  /** `bytes`, if they are JSON. */
  readonly json: unknown;
  readonly headers: http.IncomingHttpHeaders;
}

export interface SinkAnswer {
  readonly status: number;
  readonly headers?: http.OutgoingHttpHeaders;
}

/** The sink of a payload log: takes events in CloudEvents' binary mode, or batches of them. */
export class EventSink {
  readonly events: SunkEvent[] = [];
  /** Requests, those included that were not taken. */
  requests = 0;
  /** What the next requests are answered; undefined: they are not. */
  answer: (headers: http.IncomingHttpHeaders) => SinkAnswer | undefined = () => ({ status: 200 });
  readonly #server: http.Server;

  constructor(tls?: https.ServerOptions) {
    const take: http.RequestListener = (request, response) => void this.#take(request, response);
    this.#server = tls === undefined ? http.createServer(take) : https.createServer(tls, take);
  }

  async listen(port = 0): Promise<number> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return this.port;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** The event of this id and kind, once it is there. */
  async event(id: string, kind: "request" | "response"): Promise<SunkEvent> {
    const find = () =>
      this.events.find(
        ({ attributes }) =>
          attributes["id"] === id &&
          attributes["type"] === `org.kubeflow.serving.inference.${kind}`,
      );
    await waitFor(() => find() !== undefined);
    return find() as SunkEvent;
  }

  ofId(id: string): SunkEvent[] {
    return this.events.filter(({ attributes }) => attributes["id"] === id);
  }

  async #take(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    try {
      for await (const piece of request) pieces.push(piece as Buffer);
    } catch {
      return;
    }
    this.requests++;
    const answer = this.answer(request.headers);
    if (answer === undefined) return;
    if (answer.status < 300) this.events.push(...eventsIn(request.headers, Buffer.concat(pieces)));
    response.writeHead(answer.status, answer.headers).end("{}");
  }
}

/** A sink that is closed at the end of the test. */
export async function startSink(t: TestContext, tls?: https.ServerOptions): Promise<EventSink> {
  const sink = new EventSink(tls);
  await sink.listen();
  t.after(() => sink.close());
  return sink;
}

function eventsIn(headers: http.IncomingHttpHeaders, body: Buffer): SunkEvent[] {
  if (headers["content-type"] === "application/cloudevents-batch+json") {
    const batch = JSON.parse(body.toString()) as Record<string, unknown>[];
    return batch.map((event) => ({ ...structuredEvent(event), headers }));
  }
  const attributes = Object.entries(headers)
    .filter(([name]) => name.startsWith("ce-"))
    .map(([name, value]) => [name.slice(3), decodeURIComponent(String(value))]);
  const type = headers["content-type"];
  return [
    {
      attributes: Object.fromEntries(attributes),
      type,
      bytes: body,
      json: type === "application/json" ? jsonIn(body) : undefined,
      headers,
    },
  ];
}

/** An event in CloudEvents' structured mode, as lines of files have it. */
export function structuredEvent(event: Record<string, unknown>): Omit<SunkEvent, "headers"> {
  const { data, data_base64: base64, datacontenttype: type, ...attributes } = event;
  const bytes =
    base64 === undefined
      ? Buffer.from(data === undefined ? "" : JSON.stringify(data))
      : Buffer.from(String(base64), "base64");
  return {
    attributes: attributes as Record<string, string>,
    type: type as string | undefined,
    bytes,
    json: data,
  };
}

function jsonIn(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
