import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Compression } from "@connectrpc/connect/protocol";

const deflateAsync = promisify(deflate);
const inflateAsync = promisify(inflate);

/** zlib's format, which gRPC calls "deflate": some clients send it, Connect brings none. */
export const compressionDeflate: Compression = {
  name: "deflate",
  compress: (bytes) => deflateAsync(bytes),
  async decompress(bytes, readMaxBytes) {
    if (bytes.length === 0) return new Uint8Array(0);
    try {
      return await inflateAsync(bytes, { maxOutputLength: readMaxBytes });
    } catch (cause) {
      if (cause instanceof RangeError) {
        const message = `message is larger than configured readMaxBytes ${readMaxBytes} after decompression`;
        throw new ConnectError(message, Code.ResourceExhausted, undefined, undefined, cause);
      }
      const message = "decompression failed";
      throw new ConnectError(message, Code.InvalidArgument, undefined, undefined, cause);
    }
  },
};
