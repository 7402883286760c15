import type { IncomingMessage, ServerResponse } from "node:http";
import { Code, ConnectError, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Peer } from "../port/peer.ts";
import {
  type CallObserver,
  type CallProtocol,
  type ObservedCall,
  unknownRpc,
} from "./call-observer.ts";
import { NodeHeaders } from "./header-reader.ts";
import { refusalOfResponse } from "./refused-calls.ts";
import { tapBodies } from "./tap-bodies.ts";

/** The call behind a Connect RPC, if it is observed. */
export const observedKey = createContextKey<ObservedRequest | undefined>(undefined, {
  description: "observed",
});

/** Shows Fastify's requests to an observer: RPCs served by Connect, REST, pages, and requests that are refused
 *  before they become any of these. */
export class ObservedRequests {
  readonly #observer: CallObserver;
  readonly #peerOf: (request: FastifyRequest) => Peer | undefined;
  /** Paths of RPCs. */
  readonly #rpcs: ReadonlySet<string>;

  constructor(parts: {
    readonly observer: CallObserver;
    readonly peerOf: (request: FastifyRequest) => Peer | undefined;
    readonly rpcs: ReadonlySet<string>;
  }) {
    this.#observer = parts.observer;
    this.#peerOf = parts.peerOf;
    this.#rpcs = parts.rpcs;
  }

  /** Call it before other hooks are added, so that what they refuse is observed too. */
  listen(app: FastifyInstance): void {
    app.addHook("onRequest", (request, reply, done) => {
      this.begin(request, reply);
      done();
    });
  }

  /** For requests that no hook sees. */
  begin(request: FastifyRequest, reply: FastifyReply): void {
    const { url } = request.routeOptions ?? {};
    const isRpc = url !== undefined && this.#rpcs.has(url);
    const observed = this.#observer.begin({
      rpc: rpcOfRoute(request.method, url, isRpc),
      protocol: protocolOf(request.headers["content-type"], isRpc),
      header: new NodeHeaders(request.headers),
      peer: this.#peerOf(request),
    });
    if (observed === undefined) return;
    const { model } = (request.params ?? {}) as { readonly model?: string };
    if (model) observed.model?.(model);
    for (const [name, value] of Object.entries(observed.header ?? {})) {
      // Not through Fastify, because Connect's responses bypass it.
      reply.raw.setHeader(name, value);
    }
    if (observed.payload !== undefined) tapBodies(request.raw, reply.raw, observed.payload);
    open.set(request.raw, new ObservedRequest(observed, request.raw, reply.raw));
  }
}

const open = new WeakMap<IncomingMessage, ObservedRequest>();

/** Undefined if it is not observed. */
export function observedRequest(request: IncomingMessage): ObservedRequest | undefined {
  return open.get(request);
}

/** One request, until its response is sent or its client has left. */
export class ObservedRequest {
  readonly call: ObservedCall;
  readonly #startMs = performance.now();
  #code: Code | undefined;
  #signal: AbortSignal | undefined;
  #isOver = false;
  readonly #request: IncomingMessage;

  constructor(call: ObservedCall, request: IncomingMessage, response: ServerResponse) {
    this.call = call;
    this.#request = request;
    response.once("finish", () => this.#end(response));
    response.once("close", () => this.#end(response));
  }

  /** The request is a Connect RPC. Connect aborts each signal with the error that it then writes. */
  follow({ signal }: HandlerContext): void {
    this.#signal = signal;
  }

  /** The request failed, for this reason. */
  fail(code: Code): void {
    this.#code = code;
  }

  #end(response: ServerResponse): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { call } = this;
    tellBytes(this.#request.headers["content-length"], (sizeBytes) => call.received?.(sizeBytes));
    tellBytes(response.getHeader("content-length"), (sizeBytes) => call.sent?.(sizeBytes));
    // An RPC has a signal; the HTTP status of its response says little.
    if (this.#signal === undefined && response.headersSent) call.status?.(response.statusCode);
    call.end(this.#outcome(response), performance.now() - this.#startMs);
  }

  #outcome(response: ServerResponse): Code | undefined {
    const refusal = refusalOfResponse(response);
    if (refusal !== undefined) return refusal.code;
    if (this.#code !== undefined) return this.#code;
    const reason: unknown = this.#signal?.aborted ? this.#signal.reason : undefined;
    if (reason instanceof ConnectError) return reason.code;
    if (!response.writableFinished) return Code.Canceled;
    if (this.#signal === undefined) return codeOfStatus(response.statusCode);
    // An abort without a reason is the end of a successful call.
    const isFailure = reason !== undefined && (reason as Error).name !== "AbortError";
    return isFailure ? Code.Internal : undefined;
  }
}

/** As far as the two sides announce their sizes. */
function tellBytes(announced: unknown, tell: (sizeBytes: number) => void): void {
  const sizeBytes = Number(announced);
  if (announced !== undefined && Number.isSafeInteger(sizeBytes)) tell(sizeBytes);
}

/** The codes of HTTP's own refusals; failures in routes have a code of their own. */
const codesOfStatus: Readonly<Record<number, Code>> = {
  401: Code.Unauthenticated,
  403: Code.PermissionDenied,
  404: Code.Unimplemented,
  405: Code.Unimplemented,
  408: Code.DeadlineExceeded,
  413: Code.ResourceExhausted,
  429: Code.ResourceExhausted,
  501: Code.Unimplemented,
  503: Code.Unavailable,
  504: Code.DeadlineExceeded,
  505: Code.Unimplemented,
};

export function codeOfStatus(status: number): Code | undefined {
  if (status < 400) return undefined;
  return codesOfStatus[status] ?? (status < 500 ? Code.InvalidArgument : Code.Internal);
}

function rpcOfRoute(method: string, url: string | undefined, isRpc: boolean): string {
  if (url === undefined) return unknownRpc;
  if (isRpc) return url.slice(1);
  return `${method} ${url}`;
}

function protocolOf(contentType = "", isRpc: boolean): CallProtocol {
  if (contentType.startsWith("application/grpc-web")) return "grpc-web";
  if (contentType.startsWith("application/grpc")) return "grpc";
  return isRpc ? "connect" : "rest";
}
