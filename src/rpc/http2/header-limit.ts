import type { Http2Session, IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { refuseStream } from "../refuse-stream.ts";

const requestHeaderFieldsTooLarge = 431;
/** RFC 9113, 6.5.2: what each field counts for beside its name and value. */
const fieldBytes = 32;
const maxShownPath = 200;

/** Holds the first requests of a connection to the limit on headers. Node resets streams that go beyond it, but only
 *  from when the client has acknowledged the setting that tells it; until then it takes whatever comes. */
export class HeaderLimit {
  readonly #maxBytes: number;
  readonly #log: Logger;
  readonly #refusal: ConnectError;
  /** Connections whose streams Node checks. */
  readonly #acknowledged = new WeakSet<Http2Session>();

  constructor(maxBytes: number, log: Logger) {
    this.#maxBytes = maxBytes;
    this.#log = log;
    this.#refusal = new ConnectError(
      `the headers have more than ${maxBytes} bytes (MAX_HEADER_LIST_BYTES)`,
      Code.ResourceExhausted,
    );
  }

  watch(session: Http2Session): void {
    session.once("localSettings", () => {
      // Streams that were opened before are told of in this turn.
      setImmediate(() => this.#acknowledged.add(session));
    });
  }

  /** Whether the stream was refused. `rawHeaders`: names and values in turn. */
  refuses(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    rawHeaders: readonly string[],
  ): boolean {
    const { session } = stream;
    if (session === undefined || this.#acknowledged.has(session)) return false;
    let bytes = (rawHeaders.length / 2) * fieldBytes;
    for (const text of rawHeaders) bytes += text.length;
    if (bytes <= this.#maxBytes) return false;
    const rpc = headers[":path"]?.slice(0, maxShownPath);
    this.#log.info({ rpc, reason: this.#refusal.rawMessage }, "call refused");
    refuseStream(stream, headers, this.#refusal, requestHeaderFieldsTooLarge);
    return true;
  }
}
