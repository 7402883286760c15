import type { Http2Session, ServerHttp2Stream } from "node:http2";
import { lengthOfHeaders } from "./header-length.ts";

/** RFC 9113, 6.5.2: the overhead that each field counts for, in addition to its name and value. */
const fieldBytes = 32;

/** Enforces the header limit on the first requests of a connection. Node resets streams beyond the limit, but
 *  only once the client has acknowledged the setting that announces it; until then it accepts any size. */
export class HeaderLimit {
  readonly #maxBytes: number;
  /** Connections whose streams Node checks. */
  readonly #acknowledged = new WeakSet<Http2Session>();

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  watch(session: Http2Session): void {
    session.once("localSettings", () => {
      // Streams that were opened earlier are announced in this turn.
      setImmediate(() => this.#acknowledged.add(session));
    });
  }

  /** `rawHeaders`: alternating names and values. */
  isExceededBy({ session }: ServerHttp2Stream, rawHeaders: readonly string[]): boolean {
    if (session === undefined || this.#acknowledged.has(session)) return false;
    const bytes = lengthOfHeaders(rawHeaders) + (rawHeaders.length / 2) * fieldBytes;
    return bytes > this.#maxBytes;
  }
}
