import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { LinkedQueue } from "../../base/linked-queue.ts";
import type { CallGate } from "../connect/interceptors.ts";
import type { TrackedStream } from "../guard/stream-limits.ts";
import type { CallObserver } from "../observe/call-observer.ts";
import type { Peer } from "../port/peer.ts";
import { BodyGarbage } from "./body-garbage.ts";
import { MessageBuffers } from "./message-buffers.ts";
import { GrpcUnaryCall, type UnaryCallResources } from "./unary-call.ts";
import type { UnaryMethod } from "./unary-method.ts";

export interface GrpcUnaryParts {
  readonly methods: readonly UnaryMethod[];
  readonly gate: CallGate;
  readonly readMaxBytes: number;
  readonly log: Logger;
  readonly observer?: CallObserver | undefined;
  readonly peerOf: (stream: ServerHttp2Stream) => Peer | undefined;
  /** Ends the calls in flight, with its reason, which is a ConnectError. */
  readonly shutdownSignal: AbortSignal;
}

/** The fast path of unary gRPC calls: from the HTTP/2 stream to the service and back, bypassing Node's
 *  requests, Fastify and Connect, which cost many times as much as a small call. It responds as Connect would.
 *  Anything unusual is left to Connect. */
export class GrpcUnary {
  readonly #parts: GrpcUnaryParts;
  readonly #methods: ReadonlyMap<string, UnaryMethod>;
  readonly #host: UnaryCallResources;
  readonly #calls = new LinkedQueue<GrpcUnaryCall>();
  /** Of the last call: a connection usually repeats one, and few connections have another. */
  #knownAuthority: string | undefined;

  constructor(parts: GrpcUnaryParts) {
    this.#parts = parts;
    const { gate, readMaxBytes, log, observer } = parts;
    this.#host = {
      gate,
      readMaxBytes,
      log,
      observer,
      buffers: new MessageBuffers(),
      garbage: new BodyGarbage(),
    };
    this.#methods = new Map(parts.methods.map((each) => [pathOf(each), each]));
    parts.shutdownSignal.addEventListener("abort", () => {
      for (const call of this.#calls) call.abort(parts.shutdownSignal.reason as ConnectError);
    });
  }

  /** Whether the call on `stream` is taken over; if not, nothing was done to it. A call that is taken over
   *  reports to `watched` what becomes of its stream. */
  take(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    watched: TrackedStream | undefined,
  ): boolean {
    const method = this.#methods.get(headers[":path"] ?? "");
    if (method === undefined || !this.#isUsual(headers, stream)) return false;
    const { shutdownSignal, peerOf } = this.#parts;
    const call = new GrpcUnaryCall(this.#host, stream, {
      method,
      headers,
      watched,
      peer: peerOf(stream),
    });
    call.start(this.#calls);
    if (shutdownSignal.aborted) call.abort(shutdownSignal.reason as ConnectError);
    return true;
  }

  /** Releases memory that is kept for later calls. */
  letGo(): void {
    this.#host.buffers.letGo();
  }

  #isUsual(headers: IncomingHttpHeaders, stream: ServerHttp2Stream): boolean {
    const type = headers["content-type"];
    if (type !== "application/grpc" && type !== "application/grpc+proto") return false;
    if (headers[":method"] !== "POST" || headers.expect !== undefined) return false;
    // Browsers send this with every POST, and must pass the browser gate (see browserGate).
    if (headers.origin !== undefined) return false;
    const encoding = headers["grpc-encoding"];
    if (encoding !== undefined && encoding !== "identity") return false;
    return this.#isKnownAuthority(headers[":authority"] ?? headers.host, stream);
  }

  #isKnownAuthority(authority: string | undefined, stream: ServerHttp2Stream): boolean {
    if (authority === undefined || authority === this.#knownAuthority) return true;
    // Clients of the unix socket know no name of this server: gRPC's C core sends the socket's path.
    const isUnix = this.#parts.peerOf(stream)?.kind === "unix";
    if (!isUnix && !URL.canParse(`http://${authority}`)) return false;
    this.#knownAuthority = authority;
    return true;
  }
}

function pathOf({ rpc }: UnaryMethod): string {
  return `/${rpc}`;
}
