import { constants, type ServerHttp2Session } from "node:http2";

/** NGHTTP2_ERR_PROTO: nghttp2's code for a frame that breaks a rule, whether it ends the stream or the
 *  connection for that. */
const brokenRule = -505;
/** How long a client may take to show that its connection still works. */
const answerMs = 2_000;

/** Keeps a connection whose client broke a rule on one stream only, for example by sending more than its
 *  content-length. nghttp2 has reset that stream by then. Node ends the connection, and with it every other
 *  call, since it cannot tell such faults from those of the connection. The difference shows in nghttp2's
 *  behaviour afterwards: from a failed connection it reads nothing any more, not even the response to a ping. */
export function endStreamsAlone(session: ServerHttp2Session): void {
  const destroy = session.destroy.bind(session);
  let isAsked = false;
  session.destroy = (error?: Error & { readonly errno?: number }, code?: number) => {
    const isOpen = !session.destroyed && !session.closed;
    if (error?.errno !== brokenRule || !isOpen || hasNothingToSend(session)) {
      destroy(error, code);
      return;
    }
    // After a fault of the connection nothing more is read, not even the response to an earlier ping.
    if (isAsked) return;
    isAsked = true;
    const end = () => {
      clearTimeout(timer);
      if (!session.destroyed) destroy(error, constants.NGHTTP2_PROTOCOL_ERROR);
    };
    const timer = setTimeout(end, answerMs).unref();
    session.once("close", () => clearTimeout(timer));
    const isSent = session.ping((failure) => {
      isAsked = false;
      if (failure === null) clearTimeout(timer);
      else end();
    });
    if (!isSent) end();
  };
}

/** By now a stream's reset is queued for sending. The end of a connection is not queued yet. */
function hasNothingToSend({ state }: ServerHttp2Session): boolean {
  return state.outboundQueueSize === 0;
}
