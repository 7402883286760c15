import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  contentTypeProto,
  grpcStatusOk,
  parseTimeout,
  setTrailerStatus,
} from "@connectrpc/connect/protocol-grpc";
import type { Logger } from "pino";
import type { LinkedNode, LinkedQueue } from "../../base/linked-queue.ts";
import { maxTimeoutMs } from "../connect/inference-timeout.ts";
import type { CallGate } from "../connect/interceptors.ts";
import { encodeGrpcMessage } from "../failures/error-codes.ts";
import { failCall, logFailure, modelIdIn } from "../failures/log-failure.ts";
import type { TrackedStream } from "../guard/stream-limits.ts";
import { callFacts } from "../observe/call-facts.ts";
import type { CallObserver, ObservedCall, PayloadTap } from "../observe/call-observer.ts";
import { toNodeHeaders } from "../observe/header-reader.ts";
import { refusalOfStream } from "../observe/refused-calls.ts";
import { discardUnreadStream } from "../port/discard-body.ts";
import type { Peer } from "../port/peer.ts";
import type { BodyGarbage } from "./body-garbage.ts";
import { resetReason } from "./http2-reset.ts";
import type { MessageBuffers } from "./message-buffers.ts";
import { type GrpcMessage, GrpcMessageReader, wholeMessage } from "./message-reader.ts";
import { GrpcUnaryContext } from "./unary-context.ts";
import type { UnaryMethod } from "./unary-method.ts";

/** Shared by the calls of one server. */
export interface UnaryCallResources {
  readonly gate: CallGate;
  readonly readMaxBytes: number;
  readonly buffers: MessageBuffers;
  readonly garbage: BodyGarbage;
  readonly log: Logger;
  readonly observer: CallObserver | undefined;
}

export interface UnaryCallParts {
  readonly method: UnaryMethod;
  readonly headers: IncomingHttpHeaders;
  readonly watched: TrackedStream | undefined;
  readonly peer: Peer | undefined;
}

// Node copies these options.
const plainHeaders: OutgoingHttpHeaders = { ":status": 200, "content-type": contentTypeProto };
const plainTrailers: OutgoingHttpHeaders = { "grpc-status": grpcStatusOk };
/** The head of every gRPC message. */
const frameHeadBytes = 5;
const withTrailers = { waitForTrailers: true };
const noTimeout: ReturnType<typeof parseTimeout> = {};

// Created once: errors per call would each collect a stack that is never read.
const timeIsUp = new ConnectError("the operation timed out", Code.DeadlineExceeded);
const isOver = new ConnectError("the call is over", Code.Canceled);
const noMessage = new ConnectError(
  "protocol error: missing input message for unary method",
  Code.Unimplemented,
);

/** One unary gRPC call. It is answered at most once: with its handler's result, or as soon as no one waits for
 *  the handler any more, with the reason. */
export class GrpcUnaryCall {
  readonly #host: UnaryCallResources;
  readonly #stream: ServerHttp2Stream;
  readonly #method: UnaryMethod;
  readonly #watched: TrackedStream | undefined;
  readonly #context: GrpcUnaryContext;
  /** Assembles a message that does not arrive in one piece. */
  #reader: GrpcMessageReader | undefined;
  readonly #timeout: ReturnType<typeof parseTimeout>;
  readonly #observed: ObservedCall | undefined;
  #deadline: NodeJS.Timeout | undefined;
  #place: LinkedNode<GrpcUnaryCall> | undefined;
  #phase: "reading" | "running" | "over" = "reading";
  #hasSucceeded = false;
  #message: object | undefined;
  #trailers: OutgoingHttpHeaders = plainTrailers;
  readonly #startMs = performance.now();

  constructor(host: UnaryCallResources, stream: ServerHttp2Stream, parts: UnaryCallParts) {
    const { headers, method } = parts;
    this.#host = host;
    this.#stream = stream;
    this.#method = method;
    this.#watched = parts.watched;
    this.#timeout = readTimeout(headers["grpc-timeout"]);
    const { timeoutMs } = this.#timeout;
    this.#context = new GrpcUnaryContext(method, { headers, peer: parts.peer, timeoutMs });
    this.#observed = host.observer?.begin(this.#context);
    this.#context.observed = this.#observed;
  }

  /** Reads the call, if its client may make it, and answers it. Until then it is one of `running`. */
  start(running: LinkedQueue<GrpcUnaryCall>): void {
    const stream = this.#stream;
    this.#place = running.add(this);
    (stream as StreamOfCall)[callKey] = this;
    stream.on("error", ignore);
    stream.on("close", onClose);
    const { timeoutMs, error } = this.#timeout;
    try {
      const { peer, authorization } = this.#context;
      this.#host.gate(this.#method.method, { peer, authorization });
      if (error !== undefined) throw error;
    } catch (reason) {
      this.#answerError(reason as ConnectError);
      return;
    }
    stream.on("data", onData);
    stream.on("end", onEnd);
    if (timeoutMs !== undefined) this.#startDeadline(timeoutMs);
  }

  /** Ends the call, unless it is over, with this response if its stream still exists. */
  abort(reason: ConnectError): void {
    if (this.#phase === "over") return;
    this.#context.abort(reason);
    this.#fail(reason);
  }

  closed(): void {
    this.#watched?.closed();
    if (this.#phase === "reading") this.#reader?.abandon();
    if (this.#phase !== "over") {
      this.abort(refusalOfStream(this.#stream) ?? resetReason(this.#stream.rstCode));
    }
    // A failed or abandoned handler may still read the message, and the response may hold views of it: only
    // after a sent response is the message unused.
    else if (this.#hasSucceeded && this.#stream.writableFinished) this.#reader?.release();
  }

  sendTrailers(): void {
    const stream = this.#stream;
    if (!stream.closed && !stream.destroyed) stream.sendTrailers(this.#trailers);
  }

  #startDeadline(timeoutMs: number): void {
    if (timeoutMs > maxTimeoutMs) return;
    if (timeoutMs <= 0) this.abort(timeIsUp);
    else this.#deadline = setTimeout(() => this.abort(timeIsUp), timeoutMs);
  }

  read(chunk: Buffer): void {
    this.#watched?.received(chunk);
    if (this.#phase !== "reading") return;
    const { garbage, readMaxBytes, buffers } = this.#host;
    garbage.add(chunk);
    try {
      const whole = this.#reader === undefined ? wholeMessage(chunk, readMaxBytes) : undefined;
      if (whole !== undefined) {
        this.#take(whole);
        return;
      }
      this.#reader ??= new GrpcMessageReader(readMaxBytes, buffers);
      for (const message of this.#reader.push(chunk)) this.#take(message);
    } catch (reason) {
      this.#answerError(reason as ConnectError);
    }
  }

  #take({ isCompressed, bytes }: GrpcMessage): void {
    if (isCompressed) {
      const message = "received compressed envelope, but do not know how to decompress";
      throw new ConnectError(message, Code.Internal);
    }
    const message = this.#decode(bytes);
    if (this.#message !== undefined) {
      const extra = "protocol error: received extra input message for unary method";
      throw new ConnectError(extra, Code.Unimplemented);
    }
    this.#message = message;
  }

  #decode(bytes: Uint8Array): object {
    const startMs = this.#observed?.decoded === undefined ? 0 : performance.now();
    try {
      this.#observed?.received?.(bytes.length);
      this.#observed?.payload?.request(bytes);
      const message = this.#method.decode(bytes);
      this.#watched?.made(this.#method.bytesBeside?.(message, bytes) ?? 0);
      this.#observed?.decoded?.(performance.now() - startMs);
      return message;
    } catch (reason) {
      const error = reason instanceof ConnectError ? reason : unreadable(reason);
      logFailure(this.#host.log, this.#context.rpc, error, { ...callFacts(this.#context) });
      throw error;
    }
  }

  endOfBody(): void {
    if (this.#phase !== "reading") return;
    // A reset looks like an end, too; "close" follows.
    if (this.#stream.closed) return;
    try {
      this.#reader?.end();
      if (this.#message === undefined) throw noMessage;
      this.#run(this.#message);
    } catch (reason) {
      this.#answerError(reason as ConnectError);
    }
  }

  #run(message: object): void {
    this.#phase = "running";
    try {
      if (this.#observed?.model !== undefined) noteModel(this.#observed, message);
      const method = this.#method;
      const observed = this.#observed;
      const answer =
        observed?.run === undefined
          ? method.run(message, this.#context)
          : observed.run(() => method.run(message, this.#context));
      if (answer instanceof Promise) {
        answer.then(
          (value) => this.#succeed(value),
          (reason: unknown) => this.#fail(reason),
        );
      } else this.#succeed(answer);
    } catch (reason) {
      this.#fail(reason);
    }
  }

  #succeed(answer: unknown): void {
    if (this.#phase === "over") return;
    let frame: readonly Uint8Array[];
    const startMs = this.#observed?.encoded === undefined ? 0 : performance.now();
    try {
      frame = this.#method.encode(answer);
    } catch (reason) {
      const text = reason instanceof Error ? reason.message : String(reason);
      this.#answerError(new ConnectError(`serialize binary: ${text}`, Code.Internal));
      return;
    }
    try {
      this.#watched?.answers(bytesOf(frame));
    } catch (reason) {
      this.#fail(reason);
      return;
    }
    this.#hasSucceeded = true;
    this.#observed?.encoded?.(performance.now() - startMs);
    const { ownTrailer } = this.#context;
    const trailers = ownTrailer === undefined ? plainTrailers : toNodeHeaders(ownTrailer);
    this.#answer(frame, trailers, undefined);
  }

  #fail(reason: unknown): void {
    if (this.#phase === "over") return;
    const { log } = this.#host;
    const ids = callFacts(this.#context);
    const { header } = this.#context;
    const facts = { message: this.#message, header, startMs: this.#startMs, ids };
    this.#answerError(failCall(log, this.#context, facts, reason));
  }

  #answerError(error: ConnectError): void {
    this.#answer([], errorTrailers(error, this.#context.ownTrailer), error.code);
  }

  /** `code`: undefined for OK. */
  #answer(
    frame: readonly Uint8Array[],
    trailers: OutgoingHttpHeaders,
    code: Code | undefined,
  ): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    if (this.#observed?.sent !== undefined) this.#observed.sent(bytesOf(frame));
    if (this.#observed?.payload !== undefined) tellAnswer(this.#observed.payload, frame);
    this.#observed?.end(code, performance.now() - this.#startMs);
    clearTimeout(this.#deadline);
    if (this.#method.needsEnd) this.#context.abort(isOver);
    this.#place?.leave();
    const stream = this.#stream;
    if (stream.closed || stream.destroyed) return;
    const { ownHeader } = this.#context;
    const own = ownHeader === undefined ? plainHeaders : toNodeHeaders(ownHeader);
    const added = this.#observed?.header;
    const isPlain = ownHeader === undefined && added === undefined;
    const headers = isPlain ? plainHeaders : { ":status": 200, ...own, ...added };
    stream.respond(headers, withTrailers);
    this.#trailers = trailers;
    stream.on("wantTrailers", onWantTrailers);
    if (!stream.readableEnded) discardUnreadStream(stream);
    if (frame.length <= 1) stream.end(frame[0]);
    else {
      // Together they go out in one write.
      stream.cork();
      for (const chunk of frame) stream.write(chunk);
      stream.end();
    }
  }
}

// One set of listeners for all calls. A call's objects hang on its stream by one property, which is removed at
// its end: Node's object behind a stream survives until the next full collection, and would keep everything
// alive that it references.
const callKey = Symbol("call");
type StreamOfCall = ServerHttp2Stream & { [callKey]?: GrpcUnaryCall | undefined };

// "close" follows, which is what counts.
function ignore(): void {}

function onClose(this: StreamOfCall): void {
  const call = this[callKey];
  this[callKey] = undefined;
  call?.closed();
}

function onData(this: StreamOfCall, chunk: Buffer): void {
  this[callKey]?.read(chunk);
}

function onEnd(this: StreamOfCall): void {
  this[callKey]?.endOfBody();
}

function onWantTrailers(this: StreamOfCall): void {
  this[callKey]?.sendTrailers();
}

/** The message in a frame. */
function bytesOf(frame: readonly Uint8Array[]): number {
  const sizeBytes = frame.reduce((sum, chunk) => sum + chunk.length, 0);
  return Math.max(0, sizeBytes - frameHeadBytes);
}

function tellAnswer(payload: PayloadTap, [head, ...others]: readonly Uint8Array[]): void {
  if (head === undefined) return;
  payload.answer(head.subarray(frameHeadBytes));
  for (const chunk of others) payload.answer(chunk);
}

function unreadable(reason: unknown): ConnectError {
  const message = `parse binary: ${reason instanceof Error ? reason.message : String(reason)}`;
  return new ConnectError(message, Code.InvalidArgument);
}

function noteModel(observed: ObservedCall, message: object): void {
  const id = modelIdIn(message);
  if (id !== undefined) observed.model?.(id);
}

function errorTrailers(error: ConnectError, own: Headers | undefined): OutgoingHttpHeaders {
  const message = { "grpc-message": encodeGrpcMessage(error.rawMessage) };
  // Usually there is nothing else, and creating Headers costs more than all the rest here.
  if (own === undefined && error.details.length === 0 && error.metadata.keys().next().done) {
    return { "grpc-status": String(error.code), ...message };
  }
  const status = setTrailerStatus(own ?? new Headers(), error);
  // Connect's own encoding of the message is not gRPC's.
  status.delete("grpc-message");
  return { ...toNodeHeaders(status), ...message };
}

function readTimeout(value: string | string[] | undefined): ReturnType<typeof parseTimeout> {
  if (value === undefined) return noTimeout;
  return parseTimeout(String(value), Number.MAX_SAFE_INTEGER);
}
