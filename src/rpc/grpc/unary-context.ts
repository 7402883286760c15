import type { IncomingHttpHeaders } from "node:http2";
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import { type ContextValues, createContextValues, type HandlerContext } from "@connectrpc/connect";
import { contentTypeProto, grpcStatusOk } from "@connectrpc/connect/protocol-grpc";
import { Cancellation, type CancelSignal } from "../../base/cancel-signal.ts";
import { peerKey } from "../guard/access.ts";
import type { CallStart, ObservedCall } from "../observe/call-observer.ts";
import { NodeHeaders } from "../observe/header-reader.ts";
import type { Peer } from "../port/peer.ts";

/** The context of a unary gRPC call's handler, with the contents that Connect would provide. Most handlers use
 *  little of it, so expensive parts are created on first use. */
export class GrpcUnaryContext implements HandlerContext, CallStart {
  readonly method: DescMethod;
  readonly requestMethod = "POST";
  readonly protocolName = "grpc";
  readonly protocol = "grpc";
  readonly isBare = true;
  readonly rpc: string;
  readonly peer: Peer | undefined;
  /** The call's observer. Set before it runs. */
  observed: ObservedCall | undefined;
  /** The same headers as `requestHeader`, at less cost. */
  readonly header: NodeHeaders;
  /** The same as `signal`, at less cost. */
  readonly cancellation: Cancellation = new Cancellation();
  /** Headers that the handler may have set; undefined if it has not touched them. */
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

  /** The header of this name, unchanged. */
  get authorization(): string | undefined {
    return this.#headers.authorization;
  }

  get service(): DescService {
    return this.method.parent;
  }

  /** Aborts when no one waits for the response any more, and when the call is over. */
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

/** Aborts when no one waits for a call's response any more; where possible, something cheaper than its signal. */
export function cancellationOf(context: HandlerContext): CancelSignal {
  return context instanceof GrpcUnaryContext ? context.cancellation : context.signal;
}
