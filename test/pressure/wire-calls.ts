import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import type { CallEnd } from "./tally.ts";

// Calls without a client library: what is sent and read is what the ways say, and costs the caller little.

export const inferPath = "/inference.GRPCInferenceService/ModelInfer";
/** Whoever waits longer has found a call that the server forgot. */
const patienceMs = 90_000;
/** How long a stream of our own may take to close once we have left it. */
const closePatienceMs = 10_000;

const codeNames: Readonly<Record<string, string>> = {
  1: "CANCELLED",
  2: "UNKNOWN",
  3: "INVALID_ARGUMENT",
  4: "DEADLINE_EXCEEDED",
  5: "NOT_FOUND",
  7: "PERMISSION_DENIED",
  8: "RESOURCE_EXHAUSTED",
  9: "FAILED_PRECONDITION",
  10: "ABORTED",
  12: "UNIMPLEMENTED",
  13: "INTERNAL",
  14: "UNAVAILABLE",
};

export interface GrpcCall {
  readonly path?: string;
  readonly message: Uint8Array;
  /** Of a message that is compressed, with `encoding`. */
  readonly encoding?: string;
  readonly headers?: http2.OutgoingHttpHeaders;
  readonly signal?: AbortSignal;
  /** What is wrong with an answer; nothing if it is right. */
  readonly check?: (message: Buffer) => string | undefined;
}

/** An HTTP/2 connection whose failures are told by its calls. `windowBytes`: what the server may send ahead. */
export function openSession(
  port: number,
  windowBytes = 16 * 1024 * 1024,
): http2.ClientHttp2Session {
  const session = http2.connect(`http://127.0.0.1:${port}`, {
    settings: { initialWindowSize: windowBytes },
    // In MB, what waits to be sent included: a client with less resets calls whose answers it cannot keep.
    maxSessionMemory: 4096,
  });
  session.on("error", () => {});
  session.once("connect", () => {
    if (!session.destroyed) session.setLocalWindowSize(windowBytes);
  });
  return session;
}

/** One unary gRPC call. */
export async function callGrpc(
  session: http2.ClientHttp2Session,
  { path = inferPath, message, encoding, headers, signal, check }: GrpcCall,
): Promise<CallEnd> {
  const head = grpcHead(message.length, encoding === undefined ? 0 : 1);
  const stream = request(session, {
    path,
    headers: { ...(encoding === undefined ? {} : { "grpc-encoding": encoding }), ...headers },
  });
  if (stream === undefined) return { code: "cut" };
  const end = endOf(stream, signal, check);
  stream.write(head);
  stream.end(message);
  return await end;
}

/** A request stream as gRPC clients open it; undefined if the connection is gone. */
export function request(
  session: http2.ClientHttp2Session,
  { path, headers = {} }: { path: string; headers?: http2.OutgoingHttpHeaders },
): http2.ClientHttp2Stream | undefined {
  if (session.destroyed || session.closed) return undefined;
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
    ...headers,
  });
  return stream.on("error", () => {});
}

/** How a gRPC call ends that was begun. */
export async function endOf(
  stream: http2.ClientHttp2Stream,
  signal?: AbortSignal,
  check?: (message: Buffer) => string | undefined,
): Promise<CallEnd> {
  let status: string | undefined;
  let text = "";
  const note = (headers: http2.IncomingHttpHeaders) => {
    status = headers["grpc-status"] === undefined ? status : String(headers["grpc-status"]);
    text = decodeURIComponent(String(headers["grpc-message"] ?? text));
  };
  stream.on("response", note);
  stream.on("trailers", note);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => {
    if (check !== undefined) chunks.push(chunk);
  });
  const isLate = await closed(stream, signal);
  if (isLate) return { code: "never ended" };
  if (status === "0") {
    const problem = check?.(Buffer.concat(chunks).subarray(5));
    return problem === undefined ? { code: "answered" } : { code: "wrong", text: problem };
  }
  if (signal?.aborted) return { code: "gone" };
  if (status === undefined) return { code: "cut", text: `reset with ${stream.rstCode}` };
  return { code: codeNames[status] ?? `status ${status}`, text };
}

/** Waits for its end; true if that never comes. */
async function closed(stream: http2.ClientHttp2Stream, signal?: AbortSignal): Promise<boolean> {
  if (stream.closed && stream.destroyed) return false;
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    leave();
  }, patienceMs);
  const end = Promise.withResolvers<void>();
  stream.once("close", () => end.resolve());
  let destroyer: NodeJS.Timeout | undefined;
  const leave = () => {
    stream.close(http2.constants.NGHTTP2_CANCEL);
    // Streams of a session that has ended were seen never to close, while the server had no call in flight.
    destroyer = setTimeout(() => {
      stream.destroy();
      end.resolve();
    }, closePatienceMs);
  };
  signal?.addEventListener("abort", leave);
  if (signal?.aborted) leave();
  await end.promise;
  clearTimeout(destroyer);
  signal?.removeEventListener("abort", leave);
  clearTimeout(timer);
  return isLate;
}

/** What stands before a message of so many bytes. */
export function grpcHead(length: number, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return head;
}

export interface RestCall {
  readonly path: string;
  readonly method?: string;
  readonly body?: Uint8Array;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly signal?: AbortSignal;
  /** As `check` of gRPC. Without it the answer is read and forgotten. */
  readonly check?: (body: Buffer) => string | undefined;
}

/** One call of REST over HTTP/1.1, on a connection of its own. */
export async function callRest(
  port: number,
  { path, method = "POST", body, headers = {}, signal, check }: RestCall,
): Promise<CallEnd> {
  const sent = http.request({
    host: "127.0.0.1",
    port,
    path,
    method,
    agent: false,
    headers: { "content-length": body?.length ?? 0, ...headers },
    timeout: patienceMs,
    ...(signal === undefined ? {} : { signal }),
  });
  sent.on("timeout", () => sent.destroy(new Error("never ended")));
  // Not by `once`, which would throw where the server answers and closes before it has read everything.
  let failure: Error | undefined;
  sent.on("error", (error) => {
    failure = error;
  });
  const answered = new Promise<http.IncomingMessage | undefined>((resolve) => {
    sent.once("response", resolve);
    sent.once("close", () => resolve(undefined));
  });
  sent.end(body);
  const answer = await answered;
  if (answer === undefined) {
    if (signal?.aborted) return { code: "gone" };
    if (failure?.message === "never ended") return { code: "never ended" };
    return { code: "cut", text: failure?.message ?? "" };
  }
  const isRefusal = answer.statusCode !== 200;
  const chunks: Buffer[] = [];
  answer.on("data", (chunk: Buffer) => {
    if (isRefusal || check !== undefined) chunks.push(chunk);
  });
  answer.on("error", () => {});
  await once(answer, "close").catch(() => {});
  const bytes = Buffer.concat(chunks);
  if (isRefusal) return { code: `HTTP ${answer.statusCode}`, text: bytes.toString().slice(0, 300) };
  if (signal?.aborted) return { code: "gone" };
  if (!answer.complete) return { code: "cut", text: "in the middle of an answer" };
  const problem = check?.(bytes);
  return problem === undefined ? { code: "answered" } : { code: "wrong", text: problem };
}
