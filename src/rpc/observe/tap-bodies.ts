import type { IncomingMessage, ServerResponse } from "node:http";
import type { AnswerHead, PayloadTap } from "./call-observer.ts";

type Written = string | Uint8Array | null | undefined | (() => void);

/** Shows `tap` the bodies of a request and of its response as they pass, of either HTTP version. Call it before
 *  anything reads or writes. Reading is left to whoever reads: what is never read is never seen. */
export function tapBodies(
  request: IncomingMessage,
  response: ServerResponse,
  tap: PayloadTap,
): void {
  const push = request.push.bind(request);
  request.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    if (chunk !== null) tap.request(chunk);
    return push(chunk, encoding);
  };
  tapResponse(response, tap);
}

function tapResponse(response: ServerResponse, tap: PayloadTap): void {
  const [write, end, writeHead] = [response.write, response.end, response.writeHead].map((method) =>
    (method as (...all: unknown[]) => unknown).bind(response),
  ) as [Method, Method, Method];
  let written: Headers = {};
  let isHeadTold = false;
  // With HTTP/2, the end writes its chunk itself.
  let isEnding = false;
  const see = (chunk: Written, encoding: unknown) => {
    if (isEnding || chunk === null || chunk === undefined || typeof chunk === "function") return;
    if (!isHeadTold) {
      isHeadTold = true;
      tap.head(headOf(response, written));
    }
    tap.answer(typeof chunk === "string" ? Buffer.from(chunk, encodingOf(encoding)) : chunk);
  };
  // What is passed here is not among the response's own headers.
  response.writeHead = ((...all: unknown[]) => {
    const given = all.find((each) => typeof each === "object" && each !== null);
    if (given !== undefined && !Array.isArray(given)) written = given as Headers;
    return writeHead(...all);
  }) as ServerResponse["writeHead"];
  response.write = ((chunk: Written, ...all: unknown[]) => {
    see(chunk, all[0]);
    return write(chunk, ...all);
  }) as ServerResponse["write"];
  response.end = ((chunk: Written, ...all: unknown[]) => {
    see(chunk, all[0]);
    isEnding = true;
    return end(chunk, ...all);
  }) as ServerResponse["end"];
}

type Method = (...all: unknown[]) => unknown;
type Headers = Readonly<Record<string, unknown>>;

function headOf(response: ServerResponse, written: Headers): AnswerHead {
  return {
    status: response.statusCode,
    header(name) {
      const given = Object.keys(written).find((each) => each.toLowerCase() === name);
      const value = given === undefined ? response.getHeader(name) : written[given];
      return value === undefined || value === null ? undefined : String(value);
    },
  };
}

function encodingOf(encoding: unknown): BufferEncoding {
  return typeof encoding === "string" && Buffer.isEncoding(encoding) ? encoding : "utf8";
}
