import { once } from "node:events";
import http2 from "node:http2";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";

/** What a server announced about HTTP/2 on a connection. */
export interface PeerSettings {
  readonly settings: http2.Settings;
  readonly connectionWindowBytes: number;
}

export interface UnaryCall {
  readonly path: string;
  /** See `frameOf`. */
  readonly frame: Uint8Array;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
}

const windowBytes = 1024 * 1024;

/** One HTTP/2 connection that carries unary gRPC calls with as little overhead as possible, so that a
 *  measurement shows the server and not the client. */
export class GrpcConnection {
  readonly #session: http2.ClientHttp2Session;

  private constructor(session: http2.ClientHttp2Session) {
    this.#session = session;
  }

  /** Resolves when the server's settings and window are known. */
  static async open(port: number): Promise<GrpcConnection> {
    const settings = { initialWindowSize: windowBytes, enablePush: false };
    const session = http2.connect(`http://127.0.0.1:${port}`, { settings });
    await Promise.all([once(session, "connect"), once(session, "remoteSettings")]);
    session.setLocalWindowSize(windowBytes);
    // The server's own window update is on its way behind its settings, and ahead of this answer.
    await new Promise((resolve) => session.ping(resolve));
    return new GrpcConnection(session);
  }

  /** Settings as the server sent them. Read before the first call, or the window is smaller. */
  get peerSettings(): PeerSettings {
    const { initialWindowSize, maxConcurrentStreams, enablePush } = this.#session.remoteSettings;
    return {
      settings: {
        ...(initialWindowSize === undefined ? {} : { initialWindowSize }),
        ...(maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams }),
        ...(enablePush === undefined ? {} : { enablePush }),
      },
      connectionWindowBytes: this.#session.state.remoteWindowSize ?? 65_535,
    };
  }

  /** Sends a frame and resolves with the response's frame. Rejects with an Error that contains the status
   *  unless it is OK, and with the signal's reason once it aborts. */
  send({ path, frame, metadata, signal }: UnaryCall): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
        te: "trailers",
        ...metadata,
      });
      const chunks: Buffer[] = [];
      let status: unknown;
      let message: unknown;
      const note = (headers: http2.IncomingHttpHeaders) => {
        status ??= headers["grpc-status"];
        message ??= headers["grpc-message"];
      };
      const abort = () => {
        stream.close(http2.constants.NGHTTP2_CANCEL);
        reject(signal?.reason);
      };
      signal?.addEventListener("abort", abort, { once: true });
      stream.on("response", note).on("trailers", note);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        signal?.removeEventListener("abort", abort);
        if (status === "0") resolve(Buffer.concat(chunks));
        else reject(new Error(`${path} was answered with grpc-status ${status}: ${message}`));
      });
      stream.end(frame);
    });
  }

  /** Makes a call with messages. */
  async call<Method extends DescMethodUnary>(
    method: Method,
    request: MessageInitShape<Method["input"]>,
    signal?: AbortSignal,
  ): Promise<MessageShape<Method["output"]>> {
    const frame = messageFrame(method.input, request);
    const answer = await this.send({ path: pathOf(method), frame, signal });
    const bytes = answer.subarray(frameHeaderBytes);
    return fromBinary<Method["output"]>(method.output, bytes);
  }

  close(): void {
    this.#session.destroy();
  }
}

/** Makes a call on a connection of its own. Rejects as `GrpcConnection.send` does. */
export async function callOnce(port: number, call: UnaryCall): Promise<Buffer> {
  const connection = await GrpcConnection.open(port);
  try {
    return await connection.send(call);
  } finally {
    connection.close();
  }
}

export const frameHeaderBytes = 5;

/** A message as gRPC frames it: a flag, its length, its bytes. */
export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + message.byteLength);
  frame.writeUInt8(0, 0);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, frameHeaderBytes);
  return frame;
}

/** The gRPC frame of a message. */
export function messageFrame<Schema extends DescMessage>(
  schema: Schema,
  message: MessageInitShape<Schema>,
): Buffer {
  return frameOf(toBinary(schema, create(schema, message)));
}

export function pathOf(method: DescMethodUnary): string {
  return `/${method.parent.typeName}/${method.name}`;
}
