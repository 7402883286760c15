import type { Transform } from "node:stream";
import { Code, ConnectError } from "@connectrpc/connect";
import { messageLimit } from "../failures/error-codes.ts";
import type { CallAccount } from "./call-memory.ts";

export type Inflater = (options: { readonly chunkSize: number }) => Transform;

// A message is inflated piece by piece, and each piece queues for a libuv thread. With Node's default of 16
// KiB, a gzip bomb of the maximum length has a thousand pieces.
const minPieceBytes = 16 * 1024;
const maxPieceBytes = 1024 * 1024;
const usualRatio = 8;

/** Text and sparse tensors stay far below; deflate itself reaches at most 1,032. */
const maxRatio = 200;
/** Up to this size any ratio is allowed. */
const freeBytes = 1024 * 1024;

/** The content of `bytes`; `account` is charged before memory is allocated for it. Throws a ConnectError
 *  "resource_exhausted" at more than `maxBytes`, at more than `maxRatio` times the compressed size, and where
 *  the account has no room; any other error if `bytes` are not in this format. */
export async function inflate(
  bytes: Uint8Array,
  options: {
    readonly inflater: Inflater;
    readonly maxBytes: number;
    readonly account: CallAccount | undefined;
  },
): Promise<Uint8Array<ArrayBuffer>> {
  const { inflater, maxBytes, account } = options;
  const wanted = Math.max(bytes.length * usualRatio, minPieceBytes);
  const stream = inflater({ chunkSize: Math.min(wanted, maxPieceBytes) });
  const pieces: Buffer<ArrayBuffer>[] = [];
  let inflatedBytes = 0;
  try {
    stream.end(bytes);
    for await (const piece of stream as AsyncIterable<Buffer<ArrayBuffer>>) {
      checkSize(inflatedBytes + piece.length, bytes.length, maxBytes);
      await account?.makeInTurn(piece.length);
      inflatedBytes += piece.length;
      pieces.push(piece);
    }
    if (pieces.length === 1) return pieces[0] as Buffer<ArrayBuffer>;
    await account?.makeInTurn(inflatedBytes);
    const joined = Buffer.concat(pieces, inflatedBytes);
    account?.drop(inflatedBytes);
    return joined;
  } catch (reason) {
    account?.drop(inflatedBytes);
    throw reason;
  } finally {
    stream.destroy();
  }
}

function checkSize(inflatedBytes: number, sentBytes: number, maxBytes: number): void {
  if (inflatedBytes > maxBytes) {
    const message = `the message is larger than ${messageLimit(maxBytes)} after decompression`;
    throw new ConnectError(message, Code.ResourceExhausted);
  }
  if (inflatedBytes > freeBytes && inflatedBytes > maxRatio * sentBytes) {
    const message = `${sentBytes} compressed bytes expand by a factor of more than ${maxRatio}: send them uncompressed`;
    throw new ConnectError(message, Code.ResourceExhausted);
  }
}
