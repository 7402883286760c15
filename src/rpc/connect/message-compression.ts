import { setImmediate as turn } from "node:timers/promises";
import { promisify } from "node:util";
import {
  brotliCompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  deflate,
  gzip,
  type InputType,
} from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { callScope } from "../guard/call-memory.ts";
import { type Inflater, inflate } from "../guard/inflate.ts";
import type { MessageCounter } from "../guard/message-cost.ts";

/** The size that takes a few milliseconds. */
const sliceBytes = 1024 * 1024;

type Compress = (bytes: InputType) => Promise<Buffer<ArrayBuffer>>;

function messageCompression(name: string, compress: Compress, inflater: Inflater): Compression {
  return {
    name,
    compress: async (bytes) => await compress(bytes),
    async decompress(bytes, readMaxBytes) {
      if (bytes.length === 0) return new Uint8Array(0);
      try {
        const { account, newCounter } = callScope.getStore() ?? {};
        const inflated = await inflate(bytes, { inflater, maxBytes: readMaxBytes, account });
        const counter = newCounter?.();
        if (counter !== undefined) await countInSlices(counter, inflated);
        return inflated;
      } catch (cause) {
        if (cause instanceof ConnectError) throw cause;
        const message = "decompression failed";
        throw new ConnectError(message, Code.InvalidArgument, undefined, undefined, cause);
      }
    },
  };
}

async function countInSlices(counter: MessageCounter, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    if (at > 0) await turn();
    counter.push(bytes.subarray(at, at + sliceBytes));
  }
}

/** The supported message compressions, by the names that gRPC, Connect and HTTP share. */
export const compressionGzip = messageCompression("gzip", promisify(gzip), createGunzip);

export const compressionBrotli = messageCompression(
  "br",
  promisify(brotliCompress),
  createBrotliDecompress,
);

/** zlib's format: some gRPC clients send it, and Connect does not support it. */
export const compressionDeflate = messageCompression("deflate", promisify(deflate), createInflate);
