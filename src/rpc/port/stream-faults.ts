import { constants, type ServerHttp2Session } from "node:http2";

/** NGHTTP2_ERR_PROTO: what nghttp2 reports of a frame that breaks a rule, whether it ends a stream for that or the
 *  connection. */
const brokenRule = -505;
/** How long a client may take to show that its connection goes on. */
const answerMs = 2_000;

/** Keeps a connection whose client broke a rule on one stream alone, as by sending more than its content-length: that
 *  stream is reset, which nghttp2 has done by then. Node ends the connection, and with it every other call, since it
 *  does not tell such faults from those of the connection. The difference shows in what nghttp2 does afterwards: of a
 *  connection that has failed it reads nothing any more, not even the answer to a ping. */
export function endStreamsAlone(session: ServerHttp2Session): void {
  const destroy = session.destroy.bind(session);
  let isAsked = false;
  session.destroy = (error?: Error & { readonly errno?: number }, code?: number) => {
    const isOpen = !session.destroyed && !session.closed;
    if (error?.errno !== brokenRule || !isOpen || hasNothingToSend(session)) {
      destroy(error, code);
      return;
    }
    // What comes after a fault of the connection is not read, the answer to an earlier ping included.
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

/** The reset of a stream waits to be sent by now. What a connection ends with does not yet. */
function hasNothingToSend({ state }: ServerHttp2Session): boolean {
  return state.outboundQueueSize === 0;
}
