import { promisify } from "node:util";
import {
  brotliCompress,
  brotliDecompress,
  deflate,
  gunzip,
  gzip,
  type InputType,
  inflate,
} from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";
import { messageLimit } from "./named-limit.ts";

type Compress = (bytes: InputType) => Promise<Buffer<ArrayBuffer>>;
type Decompress = (
  bytes: InputType,
  options: { readonly maxOutputLength: number; readonly chunkSize: number },
) => Promise<Buffer<ArrayBuffer>>;

// A message is inflated piece by piece, and each piece waits for a thread of libuv behind everybody else's
// work. With Node's 16 KiB a gzip bomb of the greatest length allowed has a thousand pieces.
const minPieceBytes = 16 * 1024;
const maxPieceBytes = 1024 * 1024;
const usualRatio = 8;

function messageCompression(name: string, compress: Compress, decompress: Decompress): Compression {
  return {
    name,
    compress: async (bytes) => await compress(bytes),
    async decompress(bytes, readMaxBytes) {
      if (bytes.length === 0) return new Uint8Array(0);
      const wanted = Math.max(bytes.length * usualRatio, minPieceBytes);
      const chunkSize = Math.min(wanted, maxPieceBytes);
      try {
        return await decompress(bytes, { maxOutputLength: readMaxBytes, chunkSize });
      } catch (cause) {
        if (cause instanceof RangeError) {
          const message = `message is larger than ${messageLimit(readMaxBytes)} after decompression`;
          throw new ConnectError(message, Code.ResourceExhausted, undefined, undefined, cause);
        }
        const message = "decompression failed";
        throw new ConnectError(message, Code.InvalidArgument, undefined, undefined, cause);
      }
    },
  };
}

/** What messages may be compressed with, by the names that gRPC, Connect and HTTP share. */
export const compressionGzip = messageCompression("gzip", promisify(gzip), promisify(gunzip));

export const compressionBrotli = messageCompression(
  "br",
  promisify(brotliCompress),
  promisify(brotliDecompress),
);

/** zlib's format: some clients of gRPC send it, Connect brings none. */
export const compressionDeflate = messageCompression(
  "deflate",
  promisify(deflate),
  promisify(inflate),
);
