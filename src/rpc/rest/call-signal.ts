import type { ServerResponse } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";

/** A signal for the work behind one request: aborts when the server stops, and when the connection is gone
 *  or the answer is sent. (Fastify's own `request.signal` aborts as soon as the request is read.) */
export function callSignal(response: ServerResponse, shutdown: AbortSignal): AbortSignal {
  const controller = new AbortController();
  const onShutdown = () => controller.abort(shutdown.reason);
  const onClose = () => {
    shutdown.removeEventListener("abort", onShutdown);
    controller.abort(new ConnectError("the client went away", Code.Canceled));
  };
  if (response.closed || response.destroyed) {
    onClose();
    return controller.signal;
  }
  response.once("close", onClose);
  if (shutdown.aborted) onShutdown();
  else shutdown.addEventListener("abort", onShutdown, { once: true });
  return controller.signal;
}
