import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { type LinkedNode, LinkedQueue } from "../../base/linked-queue.ts";
import { refuseStream } from "../failures/refuse-call.ts";
import { announcedBytes } from "./announced-bytes.ts";
import {
  type CallAccount,
  type CallMemory,
  type HeldCall,
  setAccount,
  tooMuch,
} from "./call-memory.ts";
import { EnvelopeCounter } from "./envelope-counter.ts";
import type { MessageCounter } from "./message-cost.ts";
import { bodyCounterOf, type RequestMessages } from "./request-counter.ts";

/** A tracked stream. Its reader either reports what arrives, or lets it be listened to. */
export interface TrackedStream {
  /** A piece of the request has arrived. */
  received(chunk: Uint8Array): void;
  /** `bytes` were allocated for the request, in addition to it. Throws `tooMuch` if there is no room for
   *  them. */
  made(bytes: number): void;
  /** A response of `bytes` is about to be written to the stream. Throws `tooMuch` if there is no room for
   *  it. */
  answers(bytes: number): void;
  /** The stream is closed. Idempotent. */
  closed(): void;
  /** Instead of the first two: observes the stream itself, which costs a microsecond or two per call. Call
   *  before anything reads. */
  listen(): void;
}

export interface StreamLimitsParts {
  readonly memory: CallMemory;
  readonly requestTimeoutMs: number;
  /** Larger messages are refused before memory is taken for them. */
  readonly readMaxBytes: number;
  /** Paths of the RPCs whose clients send more than one message. */
  readonly clientStreams: ReadonlySet<string>;
  /** RPCs whose requests protobuf-es decodes. */
  readonly messages: RequestMessages;
  readonly log: Logger;
}

// How late a timeout may be noticed, and how long a response may grow unnoticed.
const maxSweepMs = 250;

/** A smaller response is noticed soon enough. */
const leastNotedBytes = 64 * 1024;

/** What Node and we keep for an open stream besides its headers. Measured: 4 to 6 KiB. */
const streamBytes = 4 * 1024;

/** A stream may stay open without a message for as long as its client likes, unless it has more headers than any
 *  client sends. */
const mostHeadBytes = 16 * 1024;

/** How long a client may take for a response before it is evicted in favour of others. */
const takingMs = 1_000;

const tooLate = new ConnectError("the request did not arrive in time", Code.DeadlineExceeded);

/** Adds to HTTP/2 what Node only does for HTTP/1.1: requests must arrive in time, and responses must be read
 *  in time. Also tracks the memory that HTTP/2 calls hold meanwhile. */
export class StreamLimits {
  readonly parts: StreamLimitsParts;
  /** Oldest first. */
  readonly #open = new LinkedQueue<OpenStream>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(parts: StreamLimitsParts) {
    this.parts = parts;
    const sweepMs = Math.min(maxSweepMs, Math.ceil(parts.requestTimeoutMs / 4));
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Call before anything reads from `stream`. Undefined if its connection is gone. */
  track(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): TrackedStream | undefined {
    if (stream.session === undefined) return undefined;
    const open = new OpenStream(this, stream, headers);
    open.place = this.#open.add(open);
    open.hold();
    return open;
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  /** `open` holds memory while others need it. */
  giveWay(open: OpenStream): void {
    if (open.unreadBytes > 0) {
      // It was written a moment ago, and its client is probably reading it.
      if (performance.now() - open.answeredMs < takingMs) return;
      this.#cut(open, "unread answers hold too much memory");
    } else if (isArriving(open) || (open.envelopes && open.isOdd)) {
      this.refuse(open, tooMuch);
    }
  }

  forget(open: OpenStream): void {
    open.place?.leave();
    open.account.close();
  }

  #sweep(): void {
    const nowMs = performance.now();
    const { requestTimeoutMs } = this.parts;
    for (const open of this.#open) {
      this.#lookAtAnswer(open, nowMs);
      if (open.unreadBytes > 0 && nowMs - open.takenMs > requestTimeoutMs) {
        this.#cut(open, "the answer was not taken in time");
      } else if (nowMs - open.startMs > requestTimeoutMs && isArriving(open)) {
        this.refuse(open, tooLate);
      }
    }
  }

  /** Responses grow without an event. */
  #lookAtAnswer(open: OpenStream, nowMs: number): void {
    const { writableLength } = open.stream;
    if (writableLength === open.unreadBytes) return;
    open.unreadBytes = writableLength;
    open.takenMs = nowMs;
    open.hold();
  }

  refuse(open: OpenStream, error: ConnectError): void {
    this.forget(open);
    this.parts.log.info({ rpc: open.headers[":path"], reason: error.rawMessage }, "call refused");
    refuseStream(open.stream, open.headers, error);
  }

  #cut(open: OpenStream, reason: string): void {
    this.forget(open);
    this.parts.log.info({ rpc: open.headers[":path"], reason }, "call cut off");
    open.stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }
}

/** One per call: it must be cheap. */
class OpenStream implements TrackedStream, HeldCall {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  /** For calls whose client may send messages at any time; other calls consist of one whole request. */
  readonly envelopes: EnvelopeCounter | undefined;
  /** Bytes that it takes from its headers on, until it is closed. */
  readonly headBytes: number;
  /** Bytes already reserved, however many of them have arrived. */
  readonly announcedBytes: number;
  readonly account: CallAccount;
  /** Its entry among the tracked ones. */
  place: LinkedNode<OpenStream> | undefined;
  readonly #limits: StreamLimits;
  #counter: MessageCounter | undefined;
  requestBytes = 0;
  /** Response bytes that the client had not made room for at the last check. */
  unreadBytes = 0;
  /** When the request, or its current message, began. */
  startMs: number;
  /** When the client last read a part of the response. */
  takenMs: number;
  /** When a large response was written completely. */
  answeredMs = Number.NEGATIVE_INFINITY;
  /** When the client last sent something. */
  #receivedMs: number;
  #isAnswered = false;

  constructor(limits: StreamLimits, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) {
    const { memory, clientStreams, readMaxBytes } = limits.parts;
    this.#limits = limits;
    this.stream = stream;
    this.headers = headers;
    const isStream = clientStreams.has(headers[":path"] ?? "");
    this.envelopes = isStream ? new EnvelopeCounter() : undefined;
    this.headBytes = streamBytes + lengthOf(headers);
    // What follows the headers, if anything does.
    const isWhole = isStream || stream.endAfterHeaders;
    this.announcedBytes = isWhole ? 0 : announcedBytes(headers, readMaxBytes);
    this.startMs = performance.now();
    this.takenMs = this.startMs;
    this.#receivedMs = this.startMs;
    // A stream without a connection is not tracked.
    this.account = memory.open(this, stream.session as Http2Session);
  }

  get isOdd(): boolean {
    return this.headBytes > mostHeadBytes;
  }

  get movedMs(): number {
    return this.unreadBytes > 0 ? this.takenMs : this.#receivedMs;
  }

  listen(): void {
    const { stream, headers } = this;
    const { messages } = this.#limits.parts;
    const isStream = this.envelopes !== undefined;
    this.#counter = bodyCounterOf(messages, { path: headers[":path"], headers, isStream });
    setAccount(stream, this.account);
    stream.once("close", () => this.closed());
    if (stream.endAfterHeaders) return;
    // Listening for data starts reading: that is up to the call's handler.
    stream.once("resume", () => {
      stream.on("data", (chunk: Buffer) => this.received(chunk));
    });
  }

  received(chunk: Uint8Array): void {
    const { envelopes } = this;
    // Anything after the response is read and dropped.
    if (!this.account.isOpen || this.stream.writableFinished) return;
    const before = this.requestBytes;
    this.#receivedMs = performance.now();
    if (envelopes === undefined) this.requestBytes += chunk.length;
    else {
      envelopes.push(chunk);
      this.requestBytes = envelopes.heldBytes;
      // Messages are passed on when they are complete: the current one began no earlier than this.
      if (envelopes.heldBytes <= chunk.length) this.startMs = this.#receivedMs;
    }
    if (this.requestBytes > this.announcedBytes || this.requestBytes < before) this.hold();
    try {
      this.#counter?.push(chunk);
    } catch (reason) {
      this.#limits.refuse(this, reason as ConnectError);
    }
  }

  hold(): void {
    const bodyBytes = this.#isAnswered ? 0 : Math.max(this.requestBytes, this.announcedBytes);
    this.account.hold(this.headBytes + bodyBytes + this.unreadBytes);
  }

  made(bytes: number): void {
    if (bytes > 0) this.account.make(bytes);
  }

  answers(bytes: number): void {
    if (bytes < leastNotedBytes) return;
    // Its whole request has served its purpose.
    if (this.envelopes === undefined) {
      this.#isAnswered = true;
      this.hold();
    }
    this.account.make(bytes);
    this.account.drop(bytes);
    // Until the next check of what is left of it.
    this.unreadBytes = bytes;
    this.takenMs = performance.now();
    this.answeredMs = this.takenMs;
    this.hold();
  }

  giveWay(): void {
    this.#limits.giveWay(this);
  }

  closed(): void {
    this.#limits.forget(this);
  }
}

/** Characters of all values: names are short, and mostly shared. */
function lengthOf(headers: IncomingHttpHeaders): number {
  let length = 0;
  for (const name in headers) length += headers[name]?.length ?? 0;
  return length;
}

/** Whether the server waits for the client. */
function isArriving({ stream, envelopes }: OpenStream): boolean {
  if (stream.readableEnded || stream.endAfterHeaders || stream.closed) return false;
  if (envelopes !== undefined && envelopes.heldBytes === 0) return false;
  // All of it may have arrived without having been read yet.
  return stream.state.remoteClose !== 1;
}
