import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { hyphenateAuthority } from "./hpack-authority.ts";

const prefaceBytes = 24;
const frameHeaderBytes = 9;
// RFC 9113, 6: frame types, and the flags of those that carry header blocks.
const frameType = { headers: 1, continuation: 9 };
const flag = { endHeaders: 0x4, padded: 0x8, priority: 0x20 };
const priorityBytes = 5;

/** More than the parser accepts: header lists of 64 KiB, 8 CONTINUATION frames in a row. Larger ones are passed
 *  on for it to refuse. */
const maxBlockBytes = 128 * 1024;
const maxFragments = 16;
/** A one-byte chunk takes some hundred bytes of memory: this many chunks are joined before they wait further. */
const maxHeldChunks = 64;

/** Filters what an HTTP/2 client sends over a unix socket. Netty uses the socket's path as the `:authority` of
 *  its requests, including ModelMesh's, and Node's parser refuses such streams. The filter turns the path into
 *  a valid hostname. All frames keep their length and order.
 *
 *  Superfluous once Node's HTTP/2 server can be told to accept such an `:authority`, or once Netty sends
 *  "localhost" over unix sockets. */
export class AuthorityFilter {
  /** Bytes to pass unchanged: the rest of the preface or of a frame. */
  #passing = prefaceBytes;
  /** The start of a frame header, or of a header block. */
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** With less than this, there is nothing to decide. */
  #wantedBytes = 0;

  /** The bytes that may go on to the parser; the rest comes with later chunks. Chunks may be changed in place. */
  push(chunk: Buffer): Buffer[] {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#wantedBytes) {
      if (this.#held.length === maxHeldChunks) this.#held = [Buffer.concat(this.#held)];
      return [];
    }
    let rest = this.#held.length === 1 ? chunk : Buffer.concat(this.#held);
    this.#hold(undefined, 0);
    const passed: Buffer[] = [];
    while (rest.length > 0) {
      if (this.#passing === 0) {
        const { passBytes, wantedBytes } = look(rest);
        this.#passing = passBytes;
        if (passBytes === 0) {
          this.#hold(rest, wantedBytes);
          break;
        }
      }
      const now = rest.subarray(0, this.#passing);
      this.#passing -= now.length;
      passed.push(now);
      rest = rest.subarray(now.length);
    }
    return passed;
  }

  #hold(bytes: Buffer | undefined, wantedBytes: number): void {
    this.#held = bytes === undefined ? [] : [bytes];
    this.#heldBytes = bytes?.length ?? 0;
    this.#wantedBytes = wantedBytes;
  }
}

/** The socket as the HTTP/2 server sees it: incoming data passes through an AuthorityFilter. */
export class FilteredSocket extends Duplex {
  readonly #socket: Socket;

  /** Takes over `socket`, from which nothing was read except what was put back. */
  constructor(socket: Socket) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    const filter = new AuthorityFilter();
    socket.on("data", (chunk) => {
      for (const bytes of filter.push(chunk)) if (!this.push(bytes)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk, done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    const last = chunks.pop();
    this.#socket.cork();
    for (const { chunk } of chunks) this.#socket.write(chunk);
    this.#socket.write(last?.chunk ?? "", done);
    this.#socket.uncork();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}

interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  /** The end of the frame in the buffer that it was read from. */
  readonly end: number;
}

/** At the start of a frame: how many bytes may pass, 0 if more must arrive first; then how many bytes the next
 *  decision needs. A complete header block is rewritten. */
function look(bytes: Buffer): { passBytes: number; wantedBytes: number } {
  const fragments: Buffer[] = [];
  for (let start = 0; ; ) {
    const frame = readFrameHeader(bytes, start);
    if (frame === undefined) return { passBytes: 0, wantedBytes: start + frameHeaderBytes };
    const isBlock = frame.type === (start === 0 ? frameType.headers : frameType.continuation);
    // Everything else passes; the parser refuses interrupted or endless blocks.
    const isTooMuch = frame.end > maxBlockBytes || fragments.length === maxFragments;
    if (!isBlock || isTooMuch) return { passBytes: frame.end, wantedBytes: 0 };
    if (bytes.length < frame.end) return { passBytes: 0, wantedBytes: frame.end };
    fragments.push(fragmentOf(bytes.subarray(start, frame.end), frame));
    start = frame.end;
    if ((frame.flags & flag.endHeaders) === 0) continue;
    rewrite(fragments);
    return { passBytes: start, wantedBytes: 0 };
  }
}

function readFrameHeader(bytes: Buffer, start: number): FrameHeader | undefined {
  if (bytes.length < start + frameHeaderBytes) return undefined;
  return {
    type: bytes.readUInt8(start + 3),
    flags: bytes.readUInt8(start + 4),
    end: start + frameHeaderBytes + bytes.readUIntBE(start, 3),
  };
}

/** The part of a header block in one frame, without padding and priority. Empty if they do not fit. */
function fragmentOf(frame: Buffer, { type, flags }: FrameHeader): Buffer {
  let start = frameHeaderBytes;
  let end = frame.length;
  if (type === frameType.headers) {
    if ((flags & flag.padded) !== 0) end -= frame[start++] ?? 0;
    if ((flags & flag.priority) !== 0) start += priorityBytes;
  }
  return frame.subarray(start, Math.max(start, end));
}

function rewrite(fragments: readonly Buffer[]): void {
  const [only, ...others] = fragments;
  if (only !== undefined && others.length === 0) {
    hyphenateAuthority(only);
    return;
  }
  const block = Buffer.concat(fragments);
  hyphenateAuthority(block);
  let position = 0;
  for (const fragment of fragments) {
    block.copy(fragment, 0, position);
    position += fragment.length;
  }
}
