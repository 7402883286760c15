import { once } from "node:events";
import net from "node:net";
import { flag, frame, frameType, hpackLiteral, preface, readFrames } from "./http2-frames.ts";

/** One end of an HTTP/2 connection that does only what it is told. */
export interface RawHttp2 {
  readonly isOpen: boolean;
  /** Error code of the last GOAWAY. */
  readonly goaway: number | undefined;
  /** Streams that the server has reset. */
  readonly resets: number;
  /** Streams that the server has ended, its resets included. */
  readonly ended: number;
  /** Resolves when the server has ended so many streams in all, or the connection is gone. */
  untilEnded(count: number): Promise<void>;
  /** Resolves when the bytes are with the kernel, or the connection is gone. */
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

export interface RawHttp2Options {
  /** Payload of the first SETTINGS frame. */
  readonly settings?: Uint8Array;
  /** Whether to read what the server sends; a client that does not fills the server's buffers. */
  readonly reads?: boolean;
}

const goawayType = 7;
const resetType = 3;

/** Connects to `port`, with preface and SETTINGS. */
export async function openRawHttp2(
  port: number,
  { settings = new Uint8Array(), reads = true }: RawHttp2Options = {},
): Promise<RawHttp2> {
  const socket = net.connect(port, "127.0.0.1");
  socket.on("error", () => {}); // "close" follows.
  await once(socket, "connect");
  let isOpen = true;
  let goaway: number | undefined;
  let resets = 0;
  // An answer may be followed by a reset of its stream.
  const ended = new Set<number>();
  let waiting: { readonly count: number; resolve(): void } | undefined;
  const noteEnds = () => {
    if (waiting === undefined || (isOpen && ended.size < waiting.count)) return;
    waiting.resolve();
    waiting = undefined;
  };
  socket.once("close", () => {
    isOpen = false;
    noteEnds();
  });
  let rest: Buffer = Buffer.alloc(0);
  const read = (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    for (const { type, flags, stream, payload } of readFrames(rest)) {
      if (type === goawayType) goaway = Buffer.from(payload).readUInt32BE(4);
      if (type === resetType) resets += 1;
      if (type === resetType || (type <= frameType.headers && flags & flag.endStream)) {
        ended.add(stream);
      }
      rest = rest.subarray(9 + payload.length);
    }
    noteEnds();
  };
  if (reads) socket.on("data", read);
  else socket.pause();
  socket.write(Buffer.concat([preface, frame({ type: frameType.settings, payload: settings })]));
  return {
    get isOpen() {
      return isOpen;
    },
    get goaway() {
      return goaway;
    },
    get resets() {
      return resets;
    },
    get ended() {
      return ended.size;
    },
    untilEnded(count) {
      return new Promise((resolve) => {
        waiting = { count, resolve };
        noteEnds();
      });
    },
    write(bytes) {
      return new Promise((resolve) => {
        if (!isOpen) return resolve();
        socket.once("close", resolve);
        socket.write(bytes, () => {
          socket.off("close", resolve);
          resolve();
        });
      });
    },
    close: () => socket.destroy(),
  };
}

/** Payload of a SETTINGS frame. */
export function settingsPayload(settings: Readonly<Record<number, number>>): Buffer {
  return Buffer.concat(
    Object.entries(settings).map(([id, value]) => {
      const entry = Buffer.alloc(6);
      entry.writeUInt16BE(Number(id), 0);
      entry.writeUInt32BE(value, 2);
      return entry;
    }),
  );
}

/** A gRPC request for `path` without its body, or a GET. */
export function requestHeaders(path: string, method: "GET" | "POST" = "POST"): Buffer {
  const common = [
    Buffer.from([method === "POST" ? 0x83 : 0x82, 0x86]), // RFC 7541, appendix A
    hpackLiteral("withoutIndexing", 4, path),
    hpackLiteral("withoutIndexing", 1, "127.0.0.1"),
  ];
  if (method === "GET") return Buffer.concat(common);
  return Buffer.concat([
    ...common,
    hpackLiteral("withoutIndexing", 31, "application/grpc"),
    hpackLiteral("withoutIndexing", "te", "trailers"),
  ]);
}

/** HEADERS with all of `block`. */
export function headersFrame(stream: number, block: Uint8Array, flags = 0): Buffer {
  return frame({
    type: frameType.headers,
    flags: flag.endHeaders | flags,
    stream,
    payload: block,
  });
}
