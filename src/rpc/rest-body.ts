import type { IncomingMessage } from "node:http";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { compressionGzip } from "@connectrpc/connect-node";
import { compressionDeflate } from "./compression-deflate.ts";
import { HttpRefusal } from "./rest-failure.ts";

const compressions = new Map<string, Compression>([
  ["gzip", compressionGzip],
  ["x-gzip", compressionGzip],
  ["deflate", compressionDeflate],
]);

/** The body of `request`, inflated. At most `maxBytes` are kept, as sent and as inflated; a body that is
 *  refused is left unread. Throws HttpRefusal 413 or 415, or a ConnectError. Fastify's parsers would not
 *  see a body of HTTP/2 that comes with neither Content-Type nor Content-Length. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  const compression = compressions.get(encoding);
  if (compression === undefined && encoding !== "identity" && encoding !== "") {
    throw new HttpRefusal(
      415,
      `Content-Encoding is '${encoding}', expected gzip, deflate or identity`,
    );
  }
  if (Number(request.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const body = await collect(request, maxBytes);
  if (compression === undefined) return body;
  try {
    return await compression.decompress(body, maxBytes);
  } catch (reason) {
    if (ConnectError.from(reason).code === Code.ResourceExhausted) throw tooLarge(maxBytes);
    throw new ConnectError(`the body is not ${encoding}`, Code.InvalidArgument, {}, [], reason);
  }
}

function collect(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    const stop = () => {
      request.off("data", onData).off("end", onEnd).off("close", onClose).off("error", onClose);
    };
    const onData = (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= maxBytes) {
        chunks.push(chunk);
        return;
      }
      stop();
      request.pause();
      reject(tooLarge(maxBytes));
    };
    const onEnd = () => {
      stop();
      resolve(chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks));
    };
    const onClose = () => {
      stop();
      reject(new ConnectError("the caller went away", Code.Canceled));
    };
    request.on("data", onData).on("end", onEnd).on("close", onClose).on("error", onClose);
  });
}

function tooLarge(maxBytes: number): HttpRefusal {
  return new HttpRefusal(413, `the request is larger than ${maxBytes} bytes`);
}
