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
import { accountScope } from "./call-memory.ts";
import { type Inflater, inflate } from "./inflate.ts";

type Compress = (bytes: InputType) => Promise<Buffer<ArrayBuffer>>;

function messageCompression(name: string, compress: Compress, inflater: Inflater): Compression {
  return {
    name,
    compress: async (bytes) => await compress(bytes),
    async decompress(bytes, readMaxBytes) {
      if (bytes.length === 0) return new Uint8Array(0);
      try {
        return await inflate(bytes, {
          inflater,
          maxBytes: readMaxBytes,
          account: accountScope.getStore(),
        });
      } catch (cause) {
        if (cause instanceof ConnectError) throw cause;
        const message = "decompression failed";
        throw new ConnectError(message, Code.InvalidArgument, undefined, undefined, cause);
      }
    },
  };
}

/** What messages may be compressed with, by the names that gRPC, Connect and HTTP share. */
export const compressionGzip = messageCompression("gzip", promisify(gzip), createGunzip);

export const compressionBrotli = messageCompression(
  "br",
  promisify(brotliCompress),
  createBrotliDecompress,
);

/** zlib's format: some clients of gRPC send it, Connect brings none. */
export const compressionDeflate = messageCompression("deflate", promisify(deflate), createInflate);
