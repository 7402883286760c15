import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Logger } from "pino";
import { describeError } from "../../base/errors.ts";
import { codeOfStatus } from "../observe/observed-requests.ts";
import { noteRefusal } from "../observe/refused-calls.ts";

interface Refusal {
  readonly status: number;
  readonly error: string;
}

const refusals: Readonly<Record<string, Refusal>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, error: "the request did not arrive in time" },
  HPE_HEADER_OVERFLOW: { status: 431, error: "path and headers are larger than 16 KiB" },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: { status: 413, error: "chunk extensions are larger than 16 KiB" },
};

/** The response to the last request on each HTTP/1.1 connection. */
const answers = new WeakMap<Socket, ServerResponse>();

/** Records which response may write to the connection. Call it for each request as it arrives. */
export function noteAnswer(request: IncomingMessage, response: ServerResponse): void {
  if (request.httpVersionMajor === 1) answers.set(request.socket, response);
}

/** Responds to data that is not HTTP/1.1, or does not end, and closes the connection. The kind of call is
 *  unknown, so all clients get the same form. */
export function answerUnreadable(
  error: Error & { readonly code?: string },
  socket: Socket,
  log: Logger,
): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  const refusal = refusals[error.code ?? ""] ?? {
    status: 400,
    error: `this is not HTTP/1.1: ${describeError(error, 200).replace(/^Parse Error: /, "")}`,
  };
  log.info({ statusCode: refusal.status, reason: refusal.error }, "request not readable");
  const answer = answers.get(socket);
  if (answer === undefined || answer.writableFinished) {
    refuse(socket, refusal);
  } else if (answer.req.complete) {
    // The request after that one is unreadable: a refusal now would be taken for that one's response.
    answer.once("finish", () => refuse(socket, refusal));
  } else if (answer.headersSent) {
    socket.destroy();
  } else {
    const code = codeOfStatus(refusal.status) ?? Code.InvalidArgument;
    noteRefusal(answer, new ConnectError(refusal.error, code));
    refuse(socket, refusal);
  }
}

function refuse(socket: Socket, { status, error }: Refusal): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ error });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  socket.destroySoon();
}
