import type { ServerResponse } from "node:http";
import type { Logger } from "pino";
import { announcedBytes } from "./announced-bytes.ts";
import { type CallMemory, type HeldCall, tooMuch } from "./call-memory.ts";
import type { CountedRequest } from "./counted-request.ts";
import { refuseRequest } from "./refuse-request.ts";

interface OpenRequest extends HeldCall {
  readonly request: CountedRequest;
  readonly response: ServerResponse;
  readonly announcedBytes: number;
  receivedBytes: number;
  /** Bytes of answers that the client has not made room for, when that was last looked at. */
  unreadBytes: number;
}

export interface RequestLimitsParts {
  readonly memory: CallMemory;
  /** Larger bodies are refused before memory is taken for them. */
  readonly readMaxBytes: number;
  readonly log: Logger;
}

// How long an answer may grow unnoticed.
const sweepMs = 250;

/** What requests of HTTP/1.1 and their answers hold in memory. Their time is limited by Node's server and by
 *  `UnreadAnswers`. */
export class RequestLimits {
  readonly #parts: RequestLimitsParts;
  readonly #open = new Set<OpenRequest>();
  readonly #sweeper: NodeJS.Timeout;

  constructor(parts: RequestLimitsParts) {
    this.#parts = parts;
    this.#sweeper = setInterval(() => this.#sweep(), sweepMs).unref();
  }

  /** Call it as the request arrives. */
  watch(request: CountedRequest, response: ServerResponse): void {
    const open: OpenRequest = {
      request,
      response,
      announcedBytes: announcedBytes(request.headers, this.#parts.readMaxBytes),
      receivedBytes: 0,
      unreadBytes: 0,
      giveWay: () => this.#giveWay(open),
    };
    this.#open.add(open);
    this.#parts.memory.open(open, request.socket);
    response.once("close", () => this.#forget(open));
    request.onBody = (byteCount) => {
      // What comes after the answer is read and dropped.
      if (response.writableFinished) return;
      open.receivedBytes += byteCount;
      if (open.receivedBytes > open.announcedBytes) this.#hold(open);
    };
    if (open.announcedBytes > 0) this.#hold(open);
  }

  close(): void {
    clearInterval(this.#sweeper);
  }

  #hold(open: OpenRequest): void {
    const requestBytes = Math.max(open.receivedBytes, open.announcedBytes);
    this.#parts.memory.hold(open, requestBytes + open.unreadBytes);
  }

  #sweep(): void {
    for (const open of this.#open) {
      // Null while an earlier answer of the connection is being sent.
      const unreadBytes = open.response.socket?.writableLength ?? 0;
      if (unreadBytes === open.unreadBytes) continue;
      open.unreadBytes = unreadBytes;
      this.#hold(open);
    }
  }

  #giveWay(open: OpenRequest): void {
    const { request, response, receivedBytes, announcedBytes, unreadBytes } = open;
    if (unreadBytes > 0) {
      this.#note(open, "call cut off", "unread answers hold too much memory");
      request.socket.destroy();
    } else if (receivedBytes + announcedBytes > 0 && !request.complete) {
      this.#note(open, "call refused", tooMuch.rawMessage);
      refuseRequest(request, response, tooMuch);
    }
  }

  #note(open: OpenRequest, what: string, reason: string): void {
    this.#forget(open);
    const rpc = `${open.request.method} ${open.request.url?.split("?", 1)[0]?.slice(0, 200)}`;
    this.#parts.log.info({ rpc, reason }, what);
  }

  #forget(open: OpenRequest): void {
    this.#open.delete(open);
    this.#parts.memory.close(open);
  }
}
