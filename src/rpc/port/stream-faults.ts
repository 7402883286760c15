import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";

// A body that is longer than its content-length is a fault of one stream (RFC 9113, 8.1.1), and nghttp2 resets that
// stream alone. It tells Node of the frame by the same number as of faults of the connection, and Node ends the
// connection for them all. So the end waits until it is clear which of them it was.

/** NGHTTP2_ERR_PROTO. */
const protocolError = -505;
/** In which the reset of a stream leaves, or the connection ends. */
const resetMs = 1_000;
/** In which a client has to answer that it is still there: nghttp2 sends nothing on a connection that it has given
 *  up, so that nobody answers. */
const answerMs = 10_000;

interface Suspect {
  /** Faults of which no stream is known. */
  faults: number;
  readonly end: () => void;
  timer: NodeJS.Timeout;
}

/** Keeps connections on which a stream alone was at fault. */
export class StreamFaults {
  readonly #suspects = new WeakMap<Http2Session, Suspect>();

  guard(session: ServerHttp2Session): void {
    const destroy = session.destroy.bind(session);
    session.destroy = (error?: Error, code?: number) => {
      if (isProtocolError(error) && this.#mayBeOfStream(session)) {
        this.#suspect(session, () => destroy(error, code));
        return;
      }
      clearTimeout(this.#suspects.get(session)?.timer);
      destroy(error, code);
    };
  }

  /** Call it for each stream as it comes. */
  watch(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { session } = stream;
    // Other streams have no length to be at odds with.
    if (session === undefined || headers["content-length"] === undefined) return;
    stream.once("close", () => {
      if (stream.rstCode === constants.NGHTTP2_PROTOCOL_ERROR) this.#wasReset(session);
    });
  }

  /** The reset is in the queue by now; a connection's end is not yet. */
  #mayBeOfStream(session: ServerHttp2Session): boolean {
    return !session.destroyed && (session.state.outboundQueueSize ?? 0) > 0;
  }

  #suspect(session: ServerHttp2Session, end: () => void): void {
    const known = this.#suspects.get(session);
    if (known !== undefined) {
      known.faults++;
      return;
    }
    const timer = setTimeout(end, resetMs).unref();
    this.#suspects.set(session, { faults: 1, end, timer });
  }

  #wasReset(session: Http2Session): void {
    const suspect = this.#suspects.get(session);
    if (suspect === undefined || --suspect.faults > 0 || session.destroyed) return;
    // A client may have reset a stream of its own, and have done worse besides.
    clearTimeout(suspect.timer);
    suspect.timer = setTimeout(suspect.end, answerMs).unref();
    session.ping((error) => {
      if (error !== null || suspect.faults > 0) return;
      clearTimeout(suspect.timer);
      this.#suspects.delete(session);
    });
  }
}

function isProtocolError(error: unknown): boolean {
  return error instanceof Error && "errno" in error && error.errno === protocolError;
}
