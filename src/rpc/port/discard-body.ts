import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, type Http2ServerRequest, type ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";

// How long a client that has its answer may go on sending.
const lingerMs = 5_000;

const { prototype: socketPrototype } = Socket;

/** What reads on for the last request of a connection; it is over when the next request arrives. */
const readers = new WeakMap<Socket, () => void>();

/** Once `request` is answered, reads and drops what is left of it, and in the end cuts it off. Without
 *  this, its HTTP/2 stream would stay open for as long as the client likes, and an HTTP/1.1 client could
 *  hang in the middle of what it sends. Cutting at once could cost them the answer. */
export function discardUnreadBody(
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse,
): void {
  if ("stream" in request) discardUnreadStream(request.stream);
  else discardHttp1(request, response);
}

/** The same for a stream of which no request was made. */
export function discardUnreadStream(stream: ServerHttp2Stream): void {
  stream.once("finish", () => {
    if (stream.readableEnded) return;
    // Node's listener gives the data to a request that Connect may have destroyed, and then pauses.
    stream.removeAllListeners("data");
    stream.resume();
    const timer = setTimeout(() => stream.close(constants.NGHTTP2_NO_ERROR), lingerMs);
    stream.once("close", () => clearTimeout(timer));
  });
}

function discardHttp1(request: IncomingMessage, response: ServerResponse): void {
  // Connect destroys a request that it does not read to the end. Node parts it from its socket, so that
  // this lives on, but then pauses the socket at every piece of the body, with nobody to resume it.
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
    // Whoever answers may have asked for this twice.
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

/** After its last answer Node closes the connection at once. Whatever arrives after that makes the system
 *  throw away what the client has not read: first our side only, until the client ends its own. */
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
