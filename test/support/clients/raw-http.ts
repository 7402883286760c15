import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";

/** One message as gRPC frames it; flag 1 says that it is compressed. */
export function grpcFrame(message: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export interface RawAnswer {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Posts `body` as gRPC over a fresh HTTP/2 connection, without any client library. */
export async function postGrpc(
  port: number,
  path: string,
  {
    body,
    headers = {},
    host = "127.0.0.1",
  }: { body: Uint8Array; headers?: http2.OutgoingHttpHeaders; host?: string },
): Promise<RawAnswer> {
  const session = http2.connect(`http://${host}:${port}`);
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("trailers", (received) => {
      trailers = received;
    });
    const answered = once(stream, "response");
    stream.end(body);
    const [received] = await answered;
    return { headers: received, body: Buffer.concat(await stream.toArray()), trailers };
  } finally {
    session.destroy();
  }
}

/** Sends `bytes` over TCP and returns, as latin1, what comes back until the server closes. `end` also
 *  closes our side. */
export async function exchange(
  port: number,
  bytes: Uint8Array | string,
  { end = false }: { end?: boolean } = {},
): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  const received: Buffer[] = [];
  socket.on("data", (chunk) => received.push(chunk));
  const closed = untilClosed(socket);
  if (end) socket.end(bytes);
  else socket.write(bytes);
  await closed;
  return Buffer.concat(received).toString("latin1");
}

/** Resolves when the socket is closed. By a reset is just as well, where `once` of Node would reject: the
 *  system sends one for what the other side has not read. */
export async function untilClosed(socket: net.Socket): Promise<void> {
  socket.on("error", () => {});
  if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
}

/** Resolves when `condition` holds; fails loudly where it never does. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (const endMs = Date.now() + 10_000; !condition(); ) {
    if (Date.now() > endMs) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
