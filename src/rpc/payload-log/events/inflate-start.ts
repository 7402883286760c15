import { constants, createBrotliDecompress, createGunzip, createInflate } from "node:zlib";

export interface Inflated {
  readonly bytes: Buffer;
  /** There is more. */
  readonly isCut: boolean;
}

/** The first `maxBytes` of what `bytes`, which may be the start of a stream, is in its inflated form. Throws for an
 *  encoding that nobody knows, and for bytes that are not in it. */
export function inflateStart(bytes: Buffer, encoding: string, maxBytes: number): Promise<Inflated> {
  return new Promise((resolve, reject) => {
    const inflater = inflaterOf(encoding);
    const pieces: Buffer[] = [];
    let sizeBytes = 0;
    const end = (isCut: boolean) => {
      inflater.destroy();
      resolve({ bytes: Buffer.concat(pieces).subarray(0, maxBytes), isCut });
    };
    inflater.on("data", (piece: Buffer) => {
      pieces.push(piece);
      sizeBytes += piece.length;
      if (sizeBytes > maxBytes) end(true);
    });
    inflater.on("end", () => end(false));
    inflater.on("error", reject);
    inflater.end(bytes);
  });
}

function inflaterOf(encoding: string) {
  // What the stream lacks at its end is no error: it may have been cut.
  const options = { finishFlush: constants.Z_SYNC_FLUSH };
  switch (encoding.trim().toLowerCase()) {
    case "gzip":
    case "x-gzip":
      return createGunzip(options);
    case "deflate":
      return createInflate(options);
    case "br":
      return createBrotliDecompress({ finishFlush: constants.BROTLI_OPERATION_FLUSH });
    default:
      throw new Error(`it has the encoding '${encoding.slice(0, 40)}'`);
  }
}
