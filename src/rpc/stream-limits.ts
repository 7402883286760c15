import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import type { NetworkLimits } from "../network-limits.ts";
import { EnvelopeCounter } from "./envelope-counter.ts";
import { refuseStream } from "./refuse-stream.ts";

interface OpenStream {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** Of calls whose client sends messages as it likes; those of other calls are whole requests. */
  readonly envelopes: EnvelopeCounter | undefined;
  /** What it counts in: its connection's share, and all. */
  readonly shares: readonly Share[];
  requestBytes: number;
  /** Bytes of the answer that the client has not made room for, when it was last looked at. */
  unreadBytes: number;
  /** When the request, or the message of it that is under way, began. */
  startMs: number;
  /** When the client last took something of the answer. */
  takenMs: number;
}

/** What the streams of one connection, or of all, hold; oldest first. */
interface Share {
  readonly maxBytes: number;
  readonly streams: Set<OpenStream>;
  bytes: number;
}

type Limits = Pick<NetworkLimits, "requestTimeoutMs" | "maxConnectionBytes" | "maxCallBytes">;

// How late a timeout may be noticed at most; and how long an answer may grow unnoticed.
const maxSweepMs = 250;

const tooLate = new ConnectError("the request did not arrive in time", Code.DeadlineExceeded);
const tooMuch = new ConnectError(
  "the requests under way hold too much memory; try again",
  Code.ResourceExhausted,
);

/** What Node does for HTTP/1.1 and leaves open for HTTP/2: requests have to arrive in time, and answers to be
 *  taken in time. Beyond that, calls hold memory from the first byte of the request until their stream is
 *  closed; where that becomes too much, the call gives way that has waited for its client for longest. */
export class StreamLimits {
  readonly #limits: Limits;
  readonly #clientStreams: ReadonlySet<string>;
  readonly #log: Logger;
  readonly #all: Share;
  readonly #connections = new WeakMap<Http2Session, Share>();
  readonly #sweeper: NodeJS.Timeout;

  /** `clientStreams`: paths of the RPCs whose clients send more than one message. */
  constructor(limits: Limits, clientStreams: ReadonlySet<string>, log: Logger) {
    this.#limits = limits;
    this.#clientStreams = clientStreams;
    this.#log = log;
    this.#all = { maxBytes: limits.maxCallBytes, streams: new Set(), bytes: 0 };
    const sweepMs = Math.min(maxSweepMs, Math.ceil(limits.requestTimeoutMs / 4));
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Call it before anything reads from `stream`. */
  watch(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    const { session } = stream;
    if (session === undefined) return;
    const isStream = this.#clientStreams.has(headers[":path"] ?? "");
    const nowMs = performance.now();
    const open: OpenStream = {
      stream,
      headers,
      envelopes: isStream ? new EnvelopeCounter() : undefined,
      shares: [this.#shareOf(session), this.#all],
      requestBytes: 0,
      unreadBytes: 0,
      startMs: nowMs,
      takenMs: nowMs,
    };
    for (const share of open.shares) share.streams.add(open);
    stream.once("close", () => this.#forget(open));
    if (stream.endAfterHeaders) return;
    // To listen for data is to start reading: that is for the one to do who handles the call.
    stream.once("resume", () => {
      stream.on("data", (chunk: Buffer) => this.#received(open, chunk));
    });
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  #shareOf(session: Http2Session): Share {
    const known = this.#connections.get(session);
    if (known !== undefined) return known;
    const share = {
      maxBytes: this.#limits.maxConnectionBytes,
      streams: new Set<OpenStream>(),
      bytes: 0,
    };
    this.#connections.set(session, share);
    return share;
  }

  #received(open: OpenStream, chunk: Buffer): void {
    const { envelopes, shares } = open;
    // What comes after the answer is read and dropped.
    if (!this.#all.streams.has(open) || open.stream.writableFinished) return;
    const before = open.requestBytes;
    if (envelopes === undefined) open.requestBytes += chunk.length;
    else {
      envelopes.push(chunk);
      open.requestBytes = envelopes.heldBytes;
      // Messages are passed on as they become complete: one that is under way began no earlier than this.
      if (envelopes.heldBytes <= chunk.length) open.startMs = performance.now();
    }
    for (const share of shares) share.bytes += open.requestBytes - before;
    for (const share of shares) if (share.bytes > share.maxBytes) this.#makeRoom(share);
  }

  #makeRoom(share: Share): void {
    for (const open of share.streams) {
      if (share.bytes <= share.maxBytes) return;
      if (open.unreadBytes > 0) this.#cut(open, "unread answers hold too much memory");
      else if (open.requestBytes > 0 && isArriving(open)) this.#refuse(open, tooMuch);
    }
  }

  #sweep(): void {
    const nowMs = performance.now();
    const { requestTimeoutMs } = this.#limits;
    for (const open of this.#all.streams) {
      this.#lookAtAnswer(open, nowMs);
      if (open.unreadBytes > 0 && nowMs - open.takenMs > requestTimeoutMs) {
        this.#cut(open, "the answer was not taken in time");
      } else if (nowMs - open.startMs > requestTimeoutMs && isArriving(open)) {
        this.#refuse(open, tooLate);
      }
    }
    // Answers grow without a word.
    for (const open of this.#all.streams) {
      for (const share of open.shares) if (share.bytes > share.maxBytes) this.#makeRoom(share);
    }
  }

  #lookAtAnswer(open: OpenStream, nowMs: number): void {
    const { writableLength } = open.stream;
    if (writableLength === open.unreadBytes) return;
    for (const share of open.shares) share.bytes += writableLength - open.unreadBytes;
    open.unreadBytes = writableLength;
    open.takenMs = nowMs;
  }

  #refuse(open: OpenStream, error: ConnectError): void {
    this.#forget(open);
    this.#log.info({ rpc: open.headers[":path"], reason: error.rawMessage }, "call refused");
    refuseStream(open.stream, open.headers, error);
  }

  #cut(open: OpenStream, reason: string): void {
    this.#forget(open);
    this.#log.info({ rpc: open.headers[":path"], reason }, "call cut off");
    open.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #forget(open: OpenStream): void {
    for (const share of open.shares) {
      if (share.streams.delete(open)) share.bytes -= open.requestBytes + open.unreadBytes;
    }
  }
}

/** Whether the server waits for the client. */
function isArriving({ stream, envelopes }: OpenStream): boolean {
  if (stream.readableEnded || stream.endAfterHeaders || stream.closed) return false;
  if (envelopes !== undefined && envelopes.heldBytes === 0) return false;
  // All of it may be here and nobody have read it yet.
  return stream.state.remoteClose !== 1;
}
