import type { IncomingMessage } from "node:http";
import { createGunzip, createInflate } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import { HttpRefusal } from "../failures/answer-failure.ts";
import { messageLimit } from "../failures/error-codes.ts";
import { BodyBuffer } from "../guard/body-buffer.ts";
import { accountOf, tooMuch } from "../guard/call-memory.ts";
import { type Inflater, inflate } from "../guard/inflate.ts";

const inflaters = new Map<string, Inflater>([
  ["gzip", createGunzip],
  ["x-gzip", createGunzip],
  ["deflate", createInflate],
]);

/** The body of `request`, inflated. At most `maxBytes` are kept, as sent and as inflated; a body that is
 *  refused is left unread. Throws HttpRefusal 413 or 415, or a ConnectError. Fastify's parsers ignore an
 *  HTTP/2 body that has neither Content-Type nor Content-Length. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const inflater = inflaters.get(encoding);
  if (inflater === undefined && encoding !== "identity" && encoding !== "") {
    throw new HttpRefusal(
      415,
      `Content-Encoding is '${encoding}', expected gzip, deflate or identity`,
    );
  }
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const body = await collect(request, maxBytes);
  if (inflater === undefined || body.length === 0) return body;
  try {
    return await inflate(body, { inflater, maxBytes, account: accountOf(request) });
  } catch (reason) {
    if (reason === tooMuch) throw reason;
    if (reason instanceof ConnectError) throw new HttpRefusal(413, reason.rawMessage);
    throw new ConnectError(`the body is not ${encoding}`, Code.InvalidArgument, {}, [], reason);
  }
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (request.destroyed) {
      // Refused before it reached a reader: its memory is no longer tracked.
      reject(callerLeft());
      return;
    }
    const body = new BodyBuffer(Number(request.headers["content-length"] ?? 0));
    const stop = () => {
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    const onData = (chunk: Buffer) => {
      if (body.sizeBytes + chunk.length <= maxBytes) {
        body.add(chunk);
        return;
      }
      stop();
      request.pause();
      reject(tooLarge(maxBytes));
    };
    const onEnd = () => {
      stop();
      resolve(body.bytes());
    };
    const onClose = () => {
      stop();
      reject(callerLeft());
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

function callerLeft(): ConnectError {
  return new ConnectError("the client went away", Code.Canceled);
}

function tooLarge(maxBytes: number): HttpRefusal {
  return new HttpRefusal(413, `the request is larger than ${messageLimit(maxBytes)}`);
}
