import http2 from "node:http2";
import { setImmediate } from "node:timers/promises";

export interface FramedCall {
  readonly path: string;
  readonly contentType: string;
  /** Sent one after the other; then our side is closed, if the call is not cancelled. */
  readonly chunks: readonly Uint8Array[];
}

export interface FramedAnswer {
  readonly headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: Buffer;
}

/** When a call is cancelled: once everything is written, or at the first header or byte of an answer. */
export type CancelMoment = "written" | "response" | "data";

/** Rejects if the stream closes without a whole answer; ends with the session at the latest. */
export function callFramed(
  session: http2.ClientHttp2Session,
  call: FramedCall,
): Promise<FramedAnswer> {
  const { stream, answer } = open(session, call);
  void write(stream, call.chunks).then(() => stream.end());
  return answer.then(({ ended, ...whole }) => {
    if (!ended) throw new Error(`the answer was cut off, code ${stream.rstCode}`);
    return whole;
  });
}

/** Cancels the call, unless it ends before. Resolves with what had come until then. */
export async function cancelFramed(
  session: http2.ClientHttp2Session,
  call: FramedCall,
  moment: CancelMoment,
): Promise<Buffer> {
  const { stream, answer } = open(session, call);
  const cancel = () => stream.close(http2.constants.NGHTTP2_CANCEL);
  if (moment !== "written") stream.once(moment, cancel);
  await write(stream, call.chunks);
  if (moment === "written") cancel();
  else stream.end();
  return (await answer).body;
}

function open(session: http2.ClientHttp2Session, { path, contentType }: FramedCall) {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": contentType,
    te: "trailers",
  });
  let headers: FramedAnswer["headers"] = {};
  let trailers: http2.IncomingHttpHeaders = {};
  let ended = false;
  const parts: Buffer[] = [];
  const answer = new Promise<FramedAnswer & { readonly ended: boolean }>((resolve, reject) => {
    stream.on("response", (received) => {
      headers = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("end", () => {
      ended = true;
    });
    stream.on("error", reject);
    // It comes after every end, also where no error says that the stream was given up.
    stream.on("close", () => {
      resolve({ headers, trailers, body: Buffer.concat(parts), ended });
    });
  });
  return { stream, answer };
}

/** Each chunk in a frame of its own; stops where the other side wants no more. */
async function write(stream: http2.ClientHttp2Stream, chunks: readonly Uint8Array[]) {
  for (const chunk of chunks) {
    if (stream.destroyed || stream.closed) return;
    await new Promise<void>((resolve) => stream.write(chunk, () => resolve()));
    await setImmediate();
  }
}
