import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { type LinkedNode, LinkedQueue } from "../../base/linked-queue.ts";
import { refuseRequest } from "../failures/refuse-call.ts";
import type { CountedRequest } from "../port/counted-request.ts";
import { announcedBytes } from "./announced-bytes.ts";
import {
  type CallAccount,
  type CallMemory,
  type HeldCall,
  setAccount,
  tooMuch,
} from "./call-memory.ts";
import { bodyCounterOf, type RequestMessages } from "./request-counter.ts";

class OpenRequest implements HeldCall {
  readonly request: CountedRequest;
  readonly response: ServerResponse;
  readonly announcedBytes: number;
  readonly account: CallAccount;
  readonly #onGiveWay: (open: OpenRequest) => void;
  receivedBytes = 0;
  /** Response bytes that the client had not made room for at the last check. */
  unreadBytes = 0;
  movedMs = performance.now();
  /** Its entry among the tracked ones. */
  place: LinkedNode<OpenRequest> | undefined;

  constructor(parts: {
    readonly request: CountedRequest;
    readonly response: ServerResponse;
    readonly announcedBytes: number;
    readonly memory: CallMemory;
    readonly onGiveWay: (open: OpenRequest) => void;
  }) {
    this.request = parts.request;
    this.response = parts.response;
    this.announcedBytes = parts.announcedBytes;
    this.#onGiveWay = parts.onGiveWay;
    this.account = parts.memory.open(this, parts.request.socket);
  }

  giveWay(): void {
    this.#onGiveWay(this);
  }

  hold(): void {
    this.account.hold(Math.max(this.receivedBytes, this.announcedBytes) + this.unreadBytes);
  }
}

export interface RequestLimitsParts {
  readonly memory: CallMemory;
  /** Larger bodies are refused before memory is taken for them. */
  readonly readMaxBytes: number;
  /** RPCs whose requests protobuf-es decodes. */
  readonly messages: RequestMessages;
  readonly log: Logger;
}

// How long a response may grow unnoticed.
const sweepMs = 250;

/** Tracks the memory of HTTP/1.1 requests and their responses. Node's server and `UnreadAnswers` limit their
 *  time. */
export class RequestLimits {
  readonly #parts: RequestLimitsParts;
  readonly #open = new LinkedQueue<OpenRequest>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(parts: RequestLimitsParts) {
    this.#parts = parts;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Call as the request arrives. */
  track(request: CountedRequest, response: ServerResponse): void {
    const { memory, readMaxBytes, messages } = this.#parts;
    const open = new OpenRequest({
      request,
      response,
      announcedBytes: announcedBytes(request.headers, readMaxBytes),
      memory,
      onGiveWay: (held) => this.#giveWay(held),
    });
    open.place = this.#open.add(open);
    setAccount(request, open.account);
    response.once("close", () => this.#forget(open));
    const counter = bodyCounterOf(messages, { path: request.url, headers: request.headers });
    request.onBody = (chunk) => {
      // Anything after the response is read and dropped.
      if (response.writableFinished || !open.account.isOpen) return;
      open.receivedBytes += chunk.length;
      open.movedMs = performance.now();
      if (open.receivedBytes > open.announcedBytes) open.hold();
      try {
        counter?.push(chunk);
      } catch (reason) {
        this.#refuse(open, reason as ConnectError);
      }
    };
    if (open.announcedBytes > 0) open.hold();
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  #sweep(): void {
    for (const open of this.#open) {
      // While an earlier response of the connection is being sent, later ones are buffered in their response
      // objects.
      const unreadBytes = open.response.writableLength;
      if (unreadBytes === open.unreadBytes) continue;
      open.unreadBytes = unreadBytes;
      open.movedMs = performance.now();
      open.hold();
    }
  }

  #giveWay(open: OpenRequest): void {
    const { request, receivedBytes, announcedBytes, unreadBytes } = open;
    if (unreadBytes > 0) {
      this.#forget(open);
      const reason = "unread answers hold too much memory";
      this.#parts.log.info({ rpc: rpcOf(request), reason }, "call cut off");
      request.socket.destroy();
    } else if (receivedBytes + announcedBytes > 0 && !request.complete) {
      this.#refuse(open, tooMuch);
    }
  }

  #refuse(open: OpenRequest, error: ConnectError): void {
    const { request, response } = open;
    this.#forget(open);
    this.#parts.log.info({ rpc: rpcOf(request), reason: error.rawMessage }, "call refused");
    refuseRequest(request, response, error);
  }

  #forget(open: OpenRequest): void {
    open.place?.leave();
    open.account.close();
  }
}

function rpcOf({ method, url }: IncomingMessage): string {
  return `${method} ${url?.split("?", 1)[0]?.slice(0, 200)}`;
}
