import type { Http2Session, ServerHttp2Stream } from "node:http2";

/** RFC 9113, 6.5.2: what each field counts for beside its name and value. */
const fieldBytes = 32;

/** Holds the first requests of a connection to the limit on headers. Node resets streams that go beyond it, but only
 *  from when the client has acknowledged the setting that tells it; until then it takes whatever comes. */
export class HeaderLimit {
  readonly #maxBytes: number;
  /** Connections whose streams Node checks. */
  readonly #acknowledged = new WeakSet<Http2Session>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  watch(session: Http2Session): void {
    session.once("localSettings", () => {
      // Streams that were opened before are told of in this turn.
      setImmediate(() => this.#acknowledged.add(session));
    });
  }

  /** `rawHeaders`: names and values in turn. */
  isExceededBy({ session }: ServerHttp2Stream, rawHeaders: readonly string[]): boolean {
    if (session === undefined || this.#acknowledged.has(session)) return false;
    let bytes = (rawHeaders.length / 2) * fieldBytes;
    for (const text of rawHeaders) bytes += text.length;
    return bytes > this.#maxBytes;
  }
}
