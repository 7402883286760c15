/** Frames of HTTP/2 as bytes, for clients that are not what Node would be. */

export const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const frameType = { data: 0, headers: 1, settings: 4, continuation: 9 };
export const flag = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 };

export interface Http2Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Uint8Array;
}

export function frame({ type, flags = 0, stream = 0, payload = new Uint8Array() }: Http2Frame) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** The frames that are complete in `bytes`. */
export function readFrames(bytes: Buffer): Required<Http2Frame>[] {
  const frames: Required<Http2Frame>[] = [];
  for (let start = 0; start + 9 <= bytes.length; ) {
    const end = start + 9 + bytes.readUIntBE(start, 3);
    if (end > bytes.length) break;
    frames.push({
      type: bytes.readUInt8(start + 3),
      flags: bytes.readUInt8(start + 4),
      stream: bytes.readUInt32BE(start + 5),
      payload: bytes.subarray(start + 9, end),
    });
    start = end;
  }
  return frames;
}

/** RFC 7541, 5.1: an integer behind `bits`. */
export function hpackInteger(bits: number, prefix: number, value: number): Buffer {
  const most = 2 ** prefix - 1;
  if (value < most) return Buffer.from([bits | value]);
  const bytes = [bits | most];
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Buffer.from([...bytes, rest]);
}

/** RFC 7541, 5.2, without Huffman code. */
function hpackString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  return Buffer.concat([hpackInteger(0, 7, bytes.length), bytes]);
}

const representations = {
  incremental: { bits: 0x40, prefix: 6 },
  withoutIndexing: { bits: 0x00, prefix: 4 },
  neverIndexed: { bits: 0x10, prefix: 4 },
};
export type Representation = keyof typeof representations;

/** RFC 7541, 6.2: a literal header field, its name by index of a table or as text. */
export function hpackLiteral(
  representation: Representation,
  name: number | string,
  value: string,
): Buffer {
  const { bits, prefix } = representations[representation];
  const index = hpackInteger(bits, prefix, typeof name === "number" ? name : 0);
  const text = typeof name === "number" ? Buffer.alloc(0) : hpackString(name);
  return Buffer.concat([index, text, hpackString(value)]);
}
