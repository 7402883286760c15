import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";

// How long a client that has its response may continue to send.
const lingerMs = 5_000;

const { prototype: socketPrototype } = Socket;

/** The discarded rest of a connection's last request; it ends when the next request arrives. */
const readers = new WeakMap<Socket, () => void>();

/** Once the response to `request` is sent, reads and drops the rest of the request, and finally cuts it off.
 *  Otherwise its HTTP/2 stream would stay open as long as the client likes, and an HTTP/1.1 client could hang
 *  in the middle of sending. Cutting at once could cost them the response. */
export function discardUnreadBody(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse,
): void {
  if ("stream" in request) discardUnreadStream(request.stream);
  else discardHttp1(request, response);
}

/** The same for a stream without a request object. */
export function discardUnreadStream(stream: ServerHttp2Stream): void {
  stream.once("finish", () => {
    if (stream.readableEnded) return;
    // Node's listener passes the data to a request that Connect may have destroyed, and then pauses.
    stream.removeAllListeners("data");
    stream.resume();
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs);
    stream.once("close", () => clearTimeout(timer));
  });
}

function discardHttp1(request: IncomingMessage, response: ServerResponse): void {
  // Connect destroys a request that it does not read to the end. Node detaches it from its socket, so the
  // socket survives, but then pauses the socket at every piece of the body, and nothing resumes it.
  const { socket } = request;
  const last = readers.get(socket);
  if (last !== undefined) socket.off("pause", last);
  readers.delete(socket);
  lingerBeforeClose(socket, request);
  const readOn = () => {
    if (!request.complete) setImmediate(() => socket.resume());
  };
  response.once("finish", () => {
    if (request.complete) return;
    // This may have been called twice.
    const before = readers.get(socket);
    if (before !== undefined) socket.off("pause", before);
    readers.set(socket, readOn);
    socket.on("pause", readOn);
    request.resume();
    socket.resume();
    const cut = () => {
      if (!request.complete) socket.destroy();
    };
    setTimeout(cut, lingerMs).unref();
  });
}

/** After its last response Node closes the connection at once. If more data arrives after that, the system
 *  discards what the client has not read. So close only our side first, until the client closes its own. */
function lingerBeforeClose(socket: Socket, request: IncomingMessage): void {
  socket.destroySoon = () => {
    if (request.complete || socket.destroyed) {
      socketPrototype.destroySoon.call(socket);
      return;
    }
    socket.end();
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), lingerMs).unref();
    socket.once("end", () => socket.destroy());
    socket.once("close", () => clearTimeout(timer));
  };
}
