import { once } from "node:events";
import http2 from "node:http2";

export interface GrpcRequest {
  readonly path: string;
  readonly body?: Uint8Array;
  /** Over those of a usual gRPC client; undefined leaves one out. */
  readonly headers?: Readonly<Record<string, string | string[] | undefined>> | undefined;
  /** Leaves the request open, as a client does that still has something to send. */
  readonly keepOpen?: boolean;
}

/** All that came back, in a form that can be compared. */
export interface GrpcAnswer {
  /** Without the date. */
  readonly headers: Record<string, unknown>;
  readonly trailers: Record<string, unknown>;
  /** In hexadecimal. */
  readonly body: string;
  /** How the stream was closed. */
  readonly resetCode: number | undefined;
}

/** Sends requests as they stand over one HTTP/2 connection at a time, without any client library. */
export class GrpcExchange {
  readonly #port: number;
  #session: http2.ClientHttp2Session;

  constructor(port: number) {
    this.#port = port;
    this.#session = this.#connect();
  }

  #connect(): http2.ClientHttp2Session {
    const session = http2.connect(`http://127.0.0.1:${this.#port}`);
    session.on("error", () => {});
    return session;
  }

  async send({ path, body, headers, keepOpen = false }: GrpcRequest): Promise<GrpcAnswer> {
    if (this.#session.closed || this.#session.destroyed) this.#session = this.#connect();
    const all = Object.entries({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    }).filter(([, value]) => value !== undefined);
    const stream = this.#session.request(Object.fromEntries(all), { endStream: false });
    let received: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("response", (each) => {
      received = each;
    });
    stream.on("trailers", (each) => {
      trailers = each;
    });
    stream.on("error", () => {});
    const closed = new Promise((resolve) => stream.once("close", resolve));
    if (keepOpen) stream.write(body ?? new Uint8Array(0));
    else stream.end(body ?? new Uint8Array(0));
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    await Promise.race([once(stream, "end").catch(() => {}), closed]);
    if (keepOpen) stream.close();
    await closed;
    // What makes a server drop a request without an answer may make it drop the connection.
    if (received[":status"] === undefined) this.#session.destroy();
    const { date, ...rest } = received;
    return {
      headers: { ...rest, ...(date === undefined ? {} : { date: "a date" }) },
      trailers: { ...trailers },
      body: Buffer.concat(chunks).toString("hex"),
      resetCode: keepOpen ? undefined : stream.rstCode,
    };
  }

  close(): void {
    this.#session.destroy();
  }
}
