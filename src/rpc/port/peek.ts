import type { Socket } from "node:net";

export type HttpVersion = "http1" | "http2";

// RFC 9113, 3.4: the start of every HTTP/2 connection with prior knowledge.
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
// RFC 8446, 5.1: the record that contains a ClientHello. No HTTP version starts with it.
const tlsHandshake = 0x16;

/** The only protocol that can start with `head`, the first bytes of a connection; undefined if it may be
 *  either. Anything that is not HTTP goes to the HTTP/1.1 parser, which responds with 400 and closes. */
export function httpVersionOf(head: Uint8Array): HttpVersion | undefined {
  const length = Math.min(head.length, preface.length);
  if (!preface.subarray(0, length).equals(head.subarray(0, length))) return "http1";
  return length === preface.length ? "http2" : undefined;
}

/** The same for a port that accepts both TLS and plaintext. */
export function protocolOf(head: Uint8Array): HttpVersion | "tls" | undefined {
  return head[0] === tlsHandshake ? "tls" : httpVersionOf(head);
}

/** Calls `onDecided` once with the result of `decide` on the first bytes, which can all still be read from
 *  `socket`. Destroys a connection that is undecided after `timeoutMs`, however often it sends a byte, and one
 *  that ends before. */
export function peek<Decision extends string>(
  socket: Socket,
  {
    decide,
    timeoutMs,
  }: {
    readonly decide: (head: Uint8Array) => Decision | undefined;
    readonly timeoutMs: number;
  },
  onDecided: (decision: Decision) => void,
): void {
  let head = Buffer.alloc(0);
  const giveUp = () => socket.destroy();
  const timer = setTimeout(giveUp, timeoutMs);
  const stop = () => {
    clearTimeout(timer);
    socket.off("readable", look);
    socket.off("end", giveUp);
    socket.off("close", stop);
  };
  const look = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
      head = Buffer.concat([head, chunk]);
    }
    const decision = head.length === 0 ? undefined : decide(head);
    if (decision === undefined) return;
    stop();
    socket.unshift(head);
    onDecided(decision);
  };
  socket.on("readable", look);
  socket.on("end", giveUp);
  socket.on("close", stop);
}
