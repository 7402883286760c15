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

/** The call behind an RPC of Connect's, if it is observed. */
export const observedKey = createContextKey<ObservedRequest | undefined>(undefined, {
  description: "observed",
});

/** Shows the requests that Fastify gets to an observer: RPCs that Connect answers, REST, pages, and what is
 *  refused before it is any of these. */
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

  /** Must be called before other hooks are added: what they refuse is observed too. */
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
      // Past Fastify, which what Connect answers does not pass.
      reply.raw.setHeader(name, value);
    }
    open.set(request.raw, new ObservedRequest(observed, request.raw, reply.raw));
  }
}

const open = new WeakMap<IncomingMessage, ObservedRequest>();

/** Undefined if nobody observes it. */
export function observedRequest(request: IncomingMessage): ObservedRequest | undefined {
  return open.get(request);
}

/** One of them, until its answer is out or its caller has left. */
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

  /** The request is an RPC of Connect's. It aborts the signal of each with the error that it then writes. */
  follow({ signal }: HandlerContext): void {
    this.#signal = signal;
  }

  /** The request has failed, and this is why. */
  fail(code: Code): void {
    this.#code = code;
  }

  #end(response: ServerResponse): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { call } = this;
    tellBytes(this.#request.headers["content-length"], (sizeBytes) => call.received?.(sizeBytes));
    tellBytes(response.getHeader("content-length"), (sizeBytes) => call.sent?.(sizeBytes));
    // An RPC has a signal; the status of its answer says little.
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
    // An abort without a reason is the end of a call that went well.
    const isFailure = reason !== undefined && (reason as Error).name !== "AbortError";
    return isFailure ? Code.Internal : undefined;
  }
}

/** As far as the two sides announce what they send. */
function tellBytes(announced: unknown, tell: (sizeBytes: number) => void): void {
  const sizeBytes = Number(announced);
  if (announced !== undefined && Number.isSafeInteger(sizeBytes)) tell(sizeBytes);
}

/** What HTTP's own refusals come to; failures of the routes say their code. */
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
