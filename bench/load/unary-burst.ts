import { once } from "node:events";
import net from "node:net";
import {
  flag,
  frame,
  frameType,
  type Http2Frame,
  hpackInteger,
  hpackLiteral,
  preface,
  readFrames,
} from "../../test/support/clients/http2-frames.ts";
import { headersFrame } from "../../test/support/clients/raw-http2.ts";

/** Unary calls of one method, each with a body of its own. */
export interface UnaryBurst {
  readonly port: number;
  readonly path: string;
  /** One gRPC frame for each call. */
  readonly frames: readonly Uint8Array[];
  /** Calls in flight at any time. */
  readonly inFlight: number;
}

const frameHeadBytes = 9;
const [resetFrame, pingFrame, goawayFrame, windowFrame] = [3, 6, 7, 8];
const wholeWindow = 2 ** 31 - 1;
const firstWindow = 2 ** 16 - 1;

/** Makes the calls and resolves with the seconds from the first to the last answer. Of HTTP/2 it does what that
 *  takes and nothing else, for a tenth of the CPU of Node's client: where the cores are few, a client's CPU
 *  is what the server lacks. It does not read headers, so it takes an answer without a message, which
 *  every failure is, for one. Rejects if there is any, or if the connection ends before. */
export async function sendBurst({ port, path, frames, inFlight }: UnaryBurst): Promise<number> {
  const socket = net.connect(port, "127.0.0.1").setNoDelay();
  await once(socket, "connect");
  const window = Buffer.alloc(4);
  window.writeUInt32BE(wholeWindow - firstWindow);
  socket.write(preface);
  socket.write(frame({ type: frameType.settings }));
  socket.write(frame({ type: windowFrame, payload: window }));

  const startMs = performance.now();
  try {
    await new Promise<void>((resolve, reject) => {
      const calls = new BurstCalls(socket, path, frames);
      socket.on("data", (chunk) => {
        try {
          calls.read(chunk);
        } catch (error) {
          reject(error);
        }
        if (calls.answered === frames.length) resolve();
        else calls.keep(inFlight);
      });
      socket.once("error", reject);
      socket.once("close", () => reject(new Error(`the connection ended during ${path}`)));
      calls.keep(inFlight);
    });
  } finally {
    socket.destroy();
  }
  return (performance.now() - startMs) / 1000;
}

class BurstCalls {
  answered = 0;
  readonly #socket: net.Socket;
  readonly #path: string;
  readonly #frames: readonly Uint8Array[];
  /** Streams whose answer has had bytes of a message. */
  readonly #withMessage = new Set<number>();
  #sent = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(socket: net.Socket, path: string, frames: readonly Uint8Array[]) {
    this.#socket = socket;
    this.#path = path;
    this.#frames = frames;
  }

  /** Sends calls until so many are in flight, or all are sent. */
  keep(inFlight: number): void {
    const bytes: Buffer[] = [];
    while (this.#sent - this.answered < inFlight && this.#sent < this.#frames.length) {
      const stream = 2 * this.#sent + 1;
      const block = this.#sent === 0 ? firstHeaders(this.#path) : laterHeaders;
      bytes.push(headersFrame(stream, block));
      const payload = this.#frames[this.#sent++] as Uint8Array;
      bytes.push(frame({ type: frameType.data, flags: flag.endStream, stream, payload }));
    }
    if (bytes.length > 0) this.#socket.write(Buffer.concat(bytes));
  }

  read(chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (const each of readFrames(this.#rest)) {
      this.#take(each);
      this.#rest = this.#rest.subarray(frameHeadBytes + each.payload.length);
    }
  }

  #take({ type, flags, stream, payload }: Required<Http2Frame>): void {
    const isAck = (flags & flag.ack) !== 0;
    if (type === frameType.data) {
      this.#withMessage.add(stream);
    } else if (type === frameType.headers && (flags & flag.endStream) !== 0) {
      if (!this.#withMessage.delete(stream)) throw new Error(`${this.#path} failed`);
      this.answered++;
    } else if (type === frameType.settings && !isAck) {
      this.#socket.write(frame({ type, flags: flag.ack }));
    } else if (type === pingFrame && !isAck) {
      this.#socket.write(frame({ type, flags: flag.ack, payload }));
    } else if (type === resetFrame || type === goawayFrame) {
      throw new Error(`the server refused ${this.#path}`);
    }
  }
}

/** RFC 7541, appendix A: indexes of the static table, and the first of the dynamic one, which has the latest. */
const hpack = { authority: 1, path: 4, post: 0x83, http: 0x86, contentType: 31, dynamic: 62 };

/** Puts into the table of the server what all calls have in common. */
function firstHeaders(path: string): Buffer {
  return Buffer.concat([
    Buffer.from([hpack.post, hpack.http]),
    hpackLiteral("incremental", hpack.path, path),
    hpackLiteral("incremental", hpack.authority, "127.0.0.1"),
    hpackLiteral("incremental", hpack.contentType, "application/grpc"),
    hpackLiteral("incremental", "te", "trailers"),
  ]);
}

const laterHeaders: Buffer = Buffer.concat([
  Buffer.from([hpack.post, hpack.http]),
  ...[3, 2, 1, 0].map((age) => hpackInteger(0x80, 7, hpack.dynamic + age)),
]);
