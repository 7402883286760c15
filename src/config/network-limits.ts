import type { SettingRows } from "./setting.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** How much of the port's resources clients may take. */
export interface NetworkLimits {
  /** How long a new connection may take to reveal its HTTP version. */
  readonly peekTimeoutMs: number;
  /** How long an HTTP/1.1 client may take to send the headers of a request. */
  readonly headersTimeoutMs: number;
  /** How long a request may take to arrive, and how long its client may take to read the next piece of the
   *  response. In streams of messages this applies to each message, not to the pauses between them. */
  readonly requestTimeoutMs: number;
  /** Concurrent TCP connections. Connections over the unix socket do not count: ModelMesh must get in. */
  readonly maxConnections: number;
  /** Concurrent calls per HTTP/2 connection; clients hold further calls back. */
  readonly maxStreams: number;
  /** Bytes of the headers of one HTTP/2 request, counted as RFC 9113, 6.5.2 does. */
  readonly maxHeaderListBytes: number;
  /** Bytes of requests and unread responses that the calls of one connection may hold. */
  readonly maxConnectionBytes: number;
  /** The same for all connections together, HTTP/1.1 and HTTP/2. */
  readonly maxCallBytes: number;
  /** Calls that an HTTP/2 client may cancel at once, and per second over time, before its connection is closed. */
  readonly maxCancelBurst: number;
  readonly maxCancelsPerSecond: number;
}

export const defaultNetworkLimits: NetworkLimits = Object.freeze({
  peekTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  maxConnections: 4_096,
  // ModelMesh sends everything through one connection.
  maxStreams: 2_048,
  maxHeaderListBytes: 64 * KiB,
  maxConnectionBytes: 256 * MiB,
  maxCallBytes: 512 * MiB,
  // Twice the number of calls that a connection may have open. Node's default of 1,000 closes connections of
  // honest clients.
  maxCancelBurst: 4_096,
  maxCancelsPerSecond: 2_000,
});

const maxTimerMs = 2 ** 31 - 1;

/** The rows of src/config/settings.ts for these limits. */
export const networkSettings = {
  "peek-timeout": {
    env: "PEEK_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: defaultNetworkLimits.peekTimeoutMs,
    min: 10,
    max: maxTimerMs,
    doc: "time for a new connection to reveal its HTTP version",
  },
  "headers-timeout": {
    env: "HEADERS_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: defaultNetworkLimits.headersTimeoutMs,
    min: 10,
    max: maxTimerMs,
    doc: "time for the headers of an HTTP/1.1 request to arrive",
  },
  "request-timeout": {
    env: "REQUEST_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: defaultNetworkLimits.requestTimeoutMs,
    min: 10,
    max: maxTimerMs,
    doc: "time for a request to arrive, and for its response to be read",
  },
  "max-connections": {
    env: "MAX_CONNECTIONS",
    type: "integer",
    default: defaultNetworkLimits.maxConnections,
    min: 1,
    doc: "maximum TCP connections; more are refused with 503 or GOAWAY",
  },
  "max-streams": {
    env: "MAX_CONCURRENT_STREAMS",
    type: "integer",
    default: defaultNetworkLimits.maxStreams,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "concurrent calls per HTTP/2 connection",
  },
  "max-header-list-size": {
    env: "MAX_HEADER_LIST_BYTES",
    type: "integer",
    unit: "bytes",
    default: defaultNetworkLimits.maxHeaderListBytes,
    min: 4 * KiB,
    max: 16 * MiB,
    doc: "maximum headers of an HTTP/2 request (HTTP/1.1: 16 KiB)",
  },
  "max-connection-bytes": {
    env: "MAX_CONNECTION_BYTES",
    type: "integer",
    unit: "bytes",
    default: undefined,
    defaultText: "256 MiB, or max-call-bytes if that is less",
    min: MiB,
    doc: "memory for requests and unread responses per connection",
  },
  "max-call-bytes": {
    env: "MAX_CALL_BYTES",
    type: "integer",
    unit: "bytes",
    default: undefined,
    defaultText: "an eighth of what the server and its hosts leave, at most 512 MiB",
    min: MiB,
    doc: "memory for all calls together: requests, decoded messages and unread responses",
  },
  "max-cancel-burst": {
    env: "MAX_CANCEL_BURST",
    type: "integer",
    default: defaultNetworkLimits.maxCancelBurst,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "calls that an HTTP/2 client may cancel in a burst before its connection is closed",
  },
  "max-cancel-rate": {
    env: "MAX_CANCELS_PER_SECOND",
    type: "integer",
    default: defaultNetworkLimits.maxCancelsPerSecond,
    min: 1,
    max: 2 ** 31 - 1,
    doc: "sustained rate of cancelled calls per HTTP/2 client; per second",
  },
} as const satisfies SettingRows;

/** The limits from the values read for these rows. */
export function networkLimits(
  value: (name: keyof typeof networkSettings) => number,
): NetworkLimits {
  return {
    peekTimeoutMs: value("peek-timeout"),
    headersTimeoutMs: value("headers-timeout"),
    requestTimeoutMs: value("request-timeout"),
    maxConnections: value("max-connections"),
    maxStreams: value("max-streams"),
    maxHeaderListBytes: value("max-header-list-size"),
    maxConnectionBytes: value("max-connection-bytes"),
    maxCallBytes: value("max-call-bytes"),
    maxCancelBurst: value("max-cancel-burst"),
    maxCancelsPerSecond: value("max-cancel-rate"),
  };
}
