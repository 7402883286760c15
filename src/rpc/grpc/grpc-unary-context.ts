import type { IncomingHttpHeaders } from "node:http2";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { contentTypeProto, grpcStatusOk } from "@connectrpc/connect/protocol-grpc";
import { Cancellation, type CancelSignal } from "../../base/cancel-signal.ts";
import { peerKey } from "../guard/access.ts";
import type { CallStart, ObservedCall } from "../observe/call-observer.ts";
import { NodeHeaders } from "../observe/header-reader.ts";
import type { Peer } from "../port/peer.ts";

/** What the handler of a unary gRPC call is told, as Connect would tell it. Most handlers look at little of
 *  it, so that whatever costs something is made when it is asked for. */
export class GrpcUnaryContext implements HandlerContext, CallStart {
  readonly method: DescMethod;
  readonly requestMethod = "POST";
  readonly protocolName = "grpc";
  readonly protocol = "grpc";
  readonly rpc: string;
  readonly peer: Peer | undefined;
  /** Who wants to know of this call. Set before it runs. */
  observed: ObservedCall | undefined;
  /** What `requestHeader` has, for less. */
  readonly header: NodeHeaders;
  /** What `signal` has, for less. */
  readonly cancellation: Cancellation = new Cancellation();
  /** What the handler may have set; undefined if it has not even looked. */
  ownHeader: Headers | undefined;
  ownTrailer: Headers | undefined;
  readonly #headers: IncomingHttpHeaders;
  readonly #deadlineMs: number | undefined;
  #requestHeader: Headers | undefined;
  #values: ContextValues | undefined;
  #controller: AbortController | undefined;

  constructor(
    { method, rpc }: { readonly method: DescMethod; readonly rpc: string },
    call: {
      readonly headers: IncomingHttpHeaders;
      readonly peer: Peer | undefined;
      readonly timeoutMs: number | undefined;
    },
  ) {
    this.method = method;
    this.rpc = rpc;
    this.header = new NodeHeaders(call.headers);
    this.#headers = call.headers;
    this.peer = call.peer;
    this.#deadlineMs =
      call.timeoutMs === undefined ? undefined : performance.now() + call.timeoutMs;
  }

  /** The header of this name, as it came. */
  get authorization(): string | undefined {
    return this.#headers.authorization;
  }

  get service(): DescService {
    return this.method.parent;
  }

  /** Aborts when nobody waits for the answer any more, and when the call is over. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.cancellation.aborted) this.#controller.abort(this.cancellation.reason);
    }
    return this.#controller.signal;
  }

  /** The first reason counts. */
  abort(reason: unknown): void {
    this.cancellation.abort(reason);
    this.#controller?.abort(reason);
  }

  timeoutMs(): number | undefined {
    return this.#deadlineMs === undefined ? undefined : this.#deadlineMs - performance.now();
  }

  get requestHeader(): Headers {
    this.#requestHeader ??= this.header.toHeaders();
    return this.#requestHeader;
  }

  get responseHeader(): Headers {
    this.ownHeader ??= new Headers({ "content-type": contentTypeProto });
    return this.ownHeader;
  }

  get responseTrailer(): Headers {
    this.ownTrailer ??= new Headers({ "grpc-status": grpcStatusOk });
    return this.ownTrailer;
  }

  get values(): ContextValues {
    this.#values ??= createContextValues().set(peerKey, this.peer);
    return this.#values;
  }

  get url(): string {
    const authority = this.#headers[":authority"] ?? this.#headers.host ?? "localhost";
    const scheme = this.peer?.kind === "tcp" && this.peer.isTls ? "https" : "http";
    return new URL(this.#headers[":path"] ?? "", `${scheme}://${authority}`).toString();
  }
}

/** What aborts when nobody waits for the answer of a call any more, for less than its signal where there is. */
export function cancellationOf(context: HandlerContext): CancelSignal {
  return context instanceof GrpcUnaryContext ? context.cancellation : context.signal;
}
