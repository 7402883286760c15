import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

const lineKey = Symbol("line");
/** The waiting requests of a connection; undefined if none is being served. */
type Lined = Socket & { [lineKey]?: (() => void)[] | undefined };

/** Begins a request of a connection, now or soon. */
type Begin = (socket: Socket, handle: () => void) => void;

/** Passes the requests of an HTTP/1.1 connection to `handler` one after the other, each by `begin`. A client may send many
 *  without waiting (RFC 9112, 9.3.2), more than a thousand in one piece; the responses go out in the same
 *  order. Node would serve all of them at once and buffer what cannot be sent yet, which no limit counts. */
export function oneAtATime(handler: RequestListener, begin: Begin): RequestListener {
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    const socket: Lined = request.socket;
    response.once("close", () => {
      const next = socket.destroyed ? undefined : socket[lineKey]?.shift();
      if (next === undefined) socket[lineKey] = undefined;
      // Other connections come in between: one may have sent hundreds of requests.
      else setImmediate(next);
    });
    begin(socket, () => handler(request, response));
  };
  return (request, response) => {
    const socket: Lined = request.socket;
    const waiting = socket[lineKey];
    if (waiting === undefined) {
      socket[lineKey] = [];
      handle(request, response);
    } else waiting.push(() => handle(request, response));
  };
}
