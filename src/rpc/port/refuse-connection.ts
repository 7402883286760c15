import { constants } from "node:http2";
import type { Socket } from "node:net";
import { http1Answer } from "./http1-answer.ts";
import { type HttpVersion, httpVersionOf, peek, protocolOf } from "./peek.ts";

const peekMs = 1_000;
const lingerMs = 1_000;
/** Connections beyond this number are refused without a reason. */
const maxRefusing = 64;

/** Complete responses. */
interface Refusal {
  readonly http1: Buffer;
  readonly http2: Buffer;
}

const tooMany = refusal("the connection limit is reached: try again later", {
  status: 503,
  headers: { "retry-after": "1" },
  errorCode: constants.NGHTTP2_ENHANCE_YOUR_CALM,
});

const tlsOnly = refusal("this port speaks TLS: use https", {
  status: 400,
  headers: {},
  errorCode: constants.NGHTTP2_INADEQUATE_SECURITY,
});

// RFC 8446, 6: a fatal alert, internal_error, in a record of its own.
const tlsAlert = Buffer.from([0x15, 3, 3, 0, 2, 2, 80]);

let refusing = 0;

/** Tells a client in its own protocol that there are too many connections, and ends the connection. Needs no
 *  HTTP server. `isTls`: whether the port uses TLS. */
export function refuseConnection(socket: Socket, isTls: boolean): void {
  if (!mayRefuse(socket)) return;
  const decide = isTls ? protocolOf : httpVersionOf;
  peek(socket, { decide, timeoutMs: peekMs }, (protocol) => {
    end(socket, protocol === "tls" ? tlsAlert : tooMany[protocol]);
  });
}

/** Refuses a plaintext client on a TLS port. Its first bytes are known. */
export function refusePlaintext(socket: Socket, version: HttpVersion): void {
  if (mayRefuse(socket)) end(socket, tlsOnly[version]);
}

function mayRefuse(socket: Socket): boolean {
  if (refusing >= maxRefusing) {
    socket.destroy();
    return false;
  }
  refusing += 1;
  socket.once("close", () => {
    refusing -= 1;
  });
  return true;
}

function end(socket: Socket, answer: Buffer): void {
  socket.end(answer);
  // Closing with unread bytes would cost the client the response.
  socket.resume();
  socket.once("end", () => socket.destroy());
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  socket.once("close", () => clearTimeout(timer));
}

function refusal(
  reason: string,
  {
    status,
    headers,
    errorCode,
  }: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly errorCode: number;
  },
): Refusal {
  const body = JSON.stringify({ error: reason });
  return {
    http1: Buffer.from(http1Answer(status, { headers, body })),
    http2: Buffer.concat([settingsFrame(), goawayFrame(reason, errorCode)]),
  };
}

// RFC 9113, 6.5 and 6.8: a server sends SETTINGS first; the last stream it has seen is none.
function settingsFrame(): Buffer {
  return Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
}

function goawayFrame(debugText: string, errorCode: number): Buffer {
  const debug = Buffer.from(debugText);
  const frame = Buffer.alloc(9 + 8);
  frame.writeUIntBE(8 + debug.length, 0, 3);
  frame.writeUInt8(7, 3);
  frame.writeUInt32BE(errorCode, 13);
  return Buffer.concat([frame, debug]);
}
