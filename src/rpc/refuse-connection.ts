import { constants } from "node:http2";
import type { Socket } from "node:net";
import { peekHttpVersion } from "./peek.ts";

const peekMs = 1_000;
const lingerMs = 1_000;
/** Of those beyond, nobody is told why. */
const maxRefusing = 64;

const reason = "the server has as many connections as it may";
const body = JSON.stringify({ error: reason });
const http1Answer = Buffer.from(
  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n" +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
);
const http2Answer = Buffer.concat([settingsFrame(), goawayFrame(reason)]);

let refusing = 0;

/** Tells a client that there are too many connections, in its own protocol, and ends the connection. Costs
 *  no server of HTTP anything. */
export function refuseConnection(socket: Socket): void {
  if (refusing >= maxRefusing) {
    socket.destroy();
    return;
  }
  refusing += 1;
  socket.once("close", () => {
    refusing -= 1;
  });
  peekHttpVersion(socket, peekMs, (version) => {
    socket.end(version === "http1" ? http1Answer : http2Answer);
    // To close with bytes unread would cost the client the answer.
    socket.resume();
    socket.once("end", () => socket.destroy());
    const timer = setTimeout(() => socket.destroy(), lingerMs);
    socket.once("close", () => clearTimeout(timer));
  });
}

// RFC 9113, 6.5 and 6.8: a server speaks SETTINGS first; the last stream it has seen is none.
function settingsFrame(): Buffer {
  return Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
}

function goawayFrame(debugText: string): Buffer {
  const debug = Buffer.from(debugText);
  const frame = Buffer.alloc(9 + 8);
  frame.writeUIntBE(8 + debug.length, 0, 3);
  frame.writeUInt8(7, 3);
  frame.writeUInt32BE(constants.NGHTTP2_ENHANCE_YOUR_CALM, 13);
  return Buffer.concat([frame, debug]);
}
