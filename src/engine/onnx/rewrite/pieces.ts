import type { ModelReader, Span } from "./model-reader.ts";

// A protobuf message under construction. Unchanged parts stay in the file until the message is written.

/** Literal fields, fields of the file, or a field that holds a message. */
export type Piece = Uint8Array | Span | Message;

interface Message {
  readonly tag: Uint8Array;
  readonly pieces: readonly Piece[];
  readonly contentBytes: number;
}

export function message(field: number, pieces: readonly Piece[]): Message {
  const contentBytes = sizeOf(pieces);
  return { tag: Buffer.concat([tag(field, 2), varint(contentBytes)]), pieces, contentBytes };
}

export function text(field: number, value: string): Uint8Array {
  return bytes(field, Buffer.from(value));
}

export function bytes(field: number, value: Uint8Array): Uint8Array {
  return Buffer.concat([tag(field, 2), varint(value.byteLength), value]);
}

/** `value`: not negative. */
export function integer(field: number, value: number): Uint8Array {
  return Buffer.concat([tag(field, 0), varint(value)]);
}

/** All of `pieces`, in a buffer of its own. `reader`: for the file that spans refer to, if there are any. */
export function write(pieces: readonly Piece[], reader?: ModelReader): Uint8Array<ArrayBuffer> {
  const target = new Uint8Array(sizeOf(pieces));
  let offset = 0;
  const put = (parts: readonly Piece[]): void => {
    for (const piece of parts) {
      if (piece instanceof Uint8Array) {
        target.set(piece, offset);
        offset += piece.byteLength;
      } else if ("tag" in piece) put([piece.tag, ...piece.pieces]);
      else {
        const length = piece.end - piece.start;
        reader?.read(target.subarray(offset, offset + length), piece.start);
        offset += length;
      }
    }
  };
  put(pieces);
  return target;
}

/** Adds `piece`, merged with the last one if they are adjacent in the file. */
export function append(pieces: Piece[], piece: Piece): void {
  const last = pieces.at(-1);
  if (last !== undefined && "start" in last && "start" in piece && last.end === piece.start) {
    pieces[pieces.length - 1] = { start: last.start, end: piece.end };
  } else pieces.push(piece);
}

function sizeOf(pieces: readonly Piece[]): number {
  let size = 0;
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) size += piece.byteLength;
    else if ("tag" in piece) size += piece.tag.byteLength + piece.contentBytes;
    else size += piece.end - piece.start;
  }
  return size;
}

function tag(field: number, wire: number): Uint8Array {
  return varint(field * 8 + wire);
}

function varint(value: number): Uint8Array {
  const encoded: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    encoded.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  encoded.push(rest);
  return Uint8Array.from(encoded);
}
