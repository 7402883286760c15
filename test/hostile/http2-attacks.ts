import { setTimeout as sleep } from "node:timers/promises";
import { type Flood, floods } from "../support/attacks/http2-floods.ts";
import { mutateBytes, type Random } from "../support/attacks/mutate.ts";
import { flag, frame, frameType, hpackLiteral } from "../support/clients/http2-frames.ts";
import { headersFrame, openRawHttp2, type RawHttp2 } from "../support/clients/raw-http2.ts";
import { type Attacker, type AttackKind, type Fates, inTime } from "./attacker.ts";
import { type HostileRequest, hostileGrpc, hostileHttp } from "./hostile-request.ts";
import { swollenRequest } from "./swollen-request.ts";

const requestsPerBurst = 40;
const windowUpdateType = 8;
// All that a connection will ever get: what is not given back stalls it otherwise.
const wideWindow = frame({
  type: windowUpdateType,
  payload: Buffer.from([0x7f, 0xff, 0, 0]),
});
const maxStream = 1_000_000;
const maxFrameBytes = 16_384; // RFC 9113, 4.2

/** Requests that are sound as HTTP/2 and wrong as what they carry. */
export const http2Requests: AttackKind = {
  name: "wrong calls over HTTP/2",
  share: 45,
  open: (port) =>
    new Http2Attacker(port, {
      make(random, stream) {
        const make = random.pick(random.below(4) === 0 ? hostileHttp : hostileGrpc);
        return requestFrames(stream, make(random));
      },
    }),
};

/** Requests that are small for what becomes of them: of millions of elements, or compressed. */
export const http2Swollen: AttackKind = {
  name: "swollen calls over HTTP/2",
  share: 2,
  open: (port) =>
    new Http2Attacker(port, {
      make: (random, stream) => requestFrames(stream, swollenRequest(random, 60_000)),
    }),
};

/** Requests whose frames are damaged, so that they mean something else or take their connection along. */
export const http2Frames: AttackKind = {
  name: "damaged frames of HTTP/2",
  share: 3,
  open: (port) =>
    new Http2Attacker(port, {
      make: (random, stream) =>
        // Mostly sound, or every connection would end at once.
        random.below(8) === 0
          ? mutateBytes(requestFrames(stream, random.pick(hostileGrpc)(random)), random)
          : requestFrames(stream, random.pick(hostileGrpc)(random)),
      // A length or an end that was damaged makes the server wait for bytes that never come, rightly.
      cutAfterMs: 1_000,
    }),
};

/** Floods whose frames open streams; each of these is a request. */
export const http2Floods: readonly AttackKind[] = [
  floodKind("rapid reset", 15),
  floodKind("requests that make the server reset them", 6),
  floodKind("header lists of 1 MB", 1),
];

function floodKind(name: string, share: number): AttackKind {
  const flood = floods.find((each) => each.name === name);
  if (flood === undefined) throw new Error(`there is no flood of ${name}`);
  return { name, share, open: (port) => new FloodAttacker(port, flood) };
}

function requestFrames(stream: number, { path, headers, body }: HostileRequest): Buffer {
  const block = Buffer.concat([
    Buffer.from([0x83, 0x86]), // RFC 7541, appendix A: POST, http
    hpackLiteral("withoutIndexing", 4, path),
    hpackLiteral("withoutIndexing", 1, "127.0.0.1"),
    ...Object.entries(headers).map(([name, value]) => hpackLiteral("withoutIndexing", name, value)),
  ]);
  const frames = [...headerFrames(stream, block)];
  for (let start = 0; start === 0 || start < body.length; start += maxFrameBytes) {
    const payload = body.subarray(start, start + maxFrameBytes);
    const flags = start + maxFrameBytes >= body.length ? flag.endStream : 0;
    frames.push(frame({ type: frameType.data, flags, stream, payload }));
  }
  return Buffer.concat(frames);
}

/** HEADERS, and CONTINUATION for what does not fit into a frame. */
function* headerFrames(stream: number, block: Buffer): Generator<Buffer> {
  if (block.length <= maxFrameBytes) {
    yield headersFrame(stream, block);
    return;
  }
  yield frame({ type: frameType.headers, stream, payload: block.subarray(0, maxFrameBytes) });
  for (let start = maxFrameBytes; start < block.length; start += maxFrameBytes) {
    const payload = block.subarray(start, start + maxFrameBytes);
    const flags = start + maxFrameBytes >= block.length ? flag.endHeaders : 0;
    yield frame({ type: frameType.continuation, flags, stream, payload });
  }
}

interface Http2AttackerParts {
  make(random: Random, stream: number): Uint8Array;
  /** The client's own patience, after which it cuts the connection. Without it the server has to end all. */
  readonly cutAfterMs?: number;
}

/** Keeps one connection for as long as the server does. */
class Http2Attacker implements Attacker {
  readonly #port: number;
  readonly #parts: Http2AttackerParts;
  #raw: RawHttp2 | undefined;
  #stream = 1;

  constructor(port: number, parts: Http2AttackerParts) {
    this.#port = port;
    this.#parts = parts;
  }

  async attack(random: Random): Promise<Fates> {
    const raw = await this.#connection();
    const before = raw.ended;
    const bytes: Uint8Array[] = [];
    for (let made = 0; made < requestsPerBurst; made++, this.#stream += 2) {
      bytes.push(this.#parts.make(random, this.#stream));
    }
    await Promise.race([raw.write(Buffer.concat(bytes)), sleep(1_000)]);
    const { cutAfterMs } = this.#parts;
    const isInTime = await inTime(raw.untilEnded(before + requestsPerBurst), cutAfterMs);
    const ended = Math.min(requestsPerBurst, raw.ended - before);
    const rest = requestsPerBurst - ended;
    // After a GOAWAY the server owes nothing to streams that it has not seen.
    const isCut = !raw.isOpen || raw.goaway !== undefined || cutAfterMs !== undefined;
    if (!isInTime || !raw.isOpen || raw.goaway !== undefined) this.close();
    return { ended, cut: isCut ? rest : 0, hanging: isCut ? 0 : rest };
  }

  close(): void {
    this.#raw?.close();
    this.#raw = undefined;
  }

  async #connection(): Promise<RawHttp2> {
    const isUsable = this.#raw?.isOpen === true && this.#raw.goaway === undefined;
    if (this.#raw !== undefined && isUsable && this.#stream < maxStream) return this.#raw;
    this.close();
    this.#stream = 1;
    this.#raw = await openRawHttp2(this.#port);
    await this.#raw.write(wideWindow);
    return this.#raw;
  }
}

/** Its requests are ended by itself, or by its connection. */
class FloodAttacker implements Attacker {
  readonly #port: number;
  readonly #flood: Flood;
  #raw: RawHttp2 | undefined;
  #stream = 1;

  constructor(port: number, flood: Flood) {
    this.#port = port;
    this.#flood = flood;
  }

  async attack(): Promise<Fates> {
    const { connection = {}, opening, streams, burst } = this.#flood;
    const isUsable = this.#raw?.isOpen === true && this.#raw.goaway === undefined;
    if (!isUsable || this.#stream > maxStream) {
      this.close();
      this.#raw = await openRawHttp2(this.#port, connection);
      if (opening !== undefined) await this.#raw.write(opening);
      this.#stream = 1;
    }
    await Promise.race([this.#raw?.write(burst(this.#stream)), sleep(200)]);
    this.#stream += 2 * streams;
    return { ended: 0, cut: streams, hanging: 0 };
  }

  close(): void {
    this.#raw?.close();
    this.#raw = undefined;
  }
}
