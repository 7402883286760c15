import { type ServerResponse, STATUS_CODES } from "node:http";
import type { ConnectError } from "@connectrpc/connect";
import { noteRefusal } from "../observe/refused-calls.ts";
import type { CountedRequest } from "../port/counted-request.ts";
import { refusalForm } from "./refusal-form.ts";

/** Like `refuseStream`, for an HTTP/1.1 request. Also closes its connection, which cannot continue in the
 *  middle of a body. */
export function refuseRequest(
  request: CountedRequest,
  response: ServerResponse,
  error: ConnectError,
): void {
  const { socket } = request;
  noteRefusal(response, error);
  // Without a socket of its own, the response queues behind another that is still to be sent.
  if (response.socket === null || response.headersSent || !socket.writable) {
    socket.destroy();
    return;
  }
  const form = refusalForm({ path: request.url ?? "", headers: request.headers }, error);
  const headers = {
    ...form.headers,
    connection: "close",
    "content-length": Buffer.byteLength(form.body),
  };
  const head = [
    `HTTP/1.1 ${form.status} ${STATUS_CODES[form.status]}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${form.body}`);
  request.refuse(error);
  socket.destroySoon();
}
