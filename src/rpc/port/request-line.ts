import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Socket } from "node:net";

const lineKey = Symbol("line");
/** Requests of a connection that wait; undefined if none is being answered. */
type Lined = Socket & { [lineKey]?: (() => void)[] | undefined };

/** Hands the requests of an HTTP/1.1 connection to `handler` one after the other. A client may send many without
 *  waiting (RFC 9112, 9.3.2), more than a thousand in one piece; their answers go out in the same order. Node would
 *  have all of them answered at once and keep what cannot be sent yet, which nobody counts. */
export function oneAtATime(handler: RequestListener): RequestListener {
  return (request, response) => {
    const socket: Lined = request.socket;
    const waiting = socket[lineKey];
    if (waiting === undefined) {
      socket[lineKey] = [];
      handle(handler, request, response);
    } else waiting.push(() => handle(handler, request, response));
  };
}

function handle(handler: RequestListener, request: IncomingMessage, response: ServerResponse) {
  const socket: Lined = request.socket;
  response.once("close", () => {
    const next = socket.destroyed ? undefined : socket[lineKey]?.shift();
    if (next === undefined) socket[lineKey] = undefined;
    else next();
  });
  handler(request, response);
}
