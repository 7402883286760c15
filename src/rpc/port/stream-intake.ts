import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { lengthOfHeaders } from "./header-length.ts";

/** The arguments that Node passes to listeners for "stream". */
export type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

interface WaitingStream {
  readonly stream: ServerHttp2Stream;
  readonly headBytes: number;
  readonly handle: () => void;
}

/** Usual calls take a few milliseconds together, and a busy client has no more of them in flight: waiting costs
 *  something too. */
const mostPerTurn = 64;
/** How long the streams of a turn should take, with all that follows from them in the same turn. */
const turnMs = 5;
/** What a stream took is forgotten by so much each turn. */
const memory = 0.8;
/** Headers of all waiting streams: no account counts them yet. Usual ones have some hundred bytes each. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** Spreads arriving streams over several turns of the event loop. Node reads up to 2 MB of a connection in one
 *  turn, which can hold thousands of streams: all other connections would wait until each of them is a call,
 *  and a client that resets them at once would get that for nothing. A stream that is reset before its turn
 *  costs no more than opening it did, and connections take turns. The more the streams of the last turns took, the
 *  fewer begin in a turn: a message of some hundred kilobytes takes milliseconds to read. */
export class StreamIntake {
  /** The connection that was served longest ago comes first. */
  readonly #waiting = new Map<Http2Session, WaitingStream[]>();
  #waitingBytes = 0;
  #handled = 0;
  #isTurnPlanned = false;
  #turnStartMs = 0;
  /** What a stream takes, by the dearest of the last turns. */
  #streamMs = 0;

  /** Calls `handle` for each stream, at once or in a later turn if this one is used up; never for a stream that
   *  is closed by then. An end that came meanwhile is emitted again. Resets streams whose headers would take too
   *  much memory while they wait; their clients may try again. */
  spread(handle: StreamListener): StreamListener {
    return (stream, headers, flags, rawHeaders) => {
      const { session } = stream;
      // The connection may have failed in the very bytes that opened the stream.
      if (session === undefined || stream.destroyed) {
        stream.on("error", ignore);
        return;
      }
      if (!this.#isTurnPlanned) this.#planTurn();
      if (!this.#isTurnUsedUp() && this.#waiting.size === 0) {
        this.#handled += 1;
        handle(stream, headers, flags, rawHeaders);
        return;
      }
      const headBytes = lengthOfHeaders(rawHeaders);
      if (this.#waitingBytes + headBytes > mostWaitingBytes) {
        stream.on("error", ignore);
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      const late = () => handle(stream, headers, flags, rawHeaders);
      this.#wait(session, { stream, headBytes, handle: late });
    };
  }

  #wait(session: Http2Session, waiting: WaitingStream): void {
    // Until another listener is added: an unhandled error ends the process.
    waiting.stream.on("error", ignore);
    this.#waitingBytes += waiting.headBytes;
    const line = this.#waiting.get(session);
    if (line === undefined) this.#waiting.set(session, [waiting]);
    else line.push(waiting);
  }

  get #perTurn(): number {
    return Math.max(1, Math.min(mostPerTurn, Math.floor(turnMs / this.#streamMs)));
  }

  #isTurnUsedUp(): boolean {
    if (this.#handled >= this.#perTurn) return true;
    return this.#handled > 0 && performance.now() - this.#turnStartMs > turnMs;
  }

  #planTurn(): void {
    this.#isTurnPlanned = true;
    this.#turnStartMs = performance.now();
    setImmediate(() => this.#takeTurn());
  }

  #takeTurn(): void {
    this.#isTurnPlanned = false;
    this.#learn();
    if (this.#waiting.size === 0) return;
    this.#planTurn();
    const perTurn = this.#perTurn;
    const share = Math.max(1, Math.floor(perTurn / this.#waiting.size));
    // A connection that was served goes to the end of the map, and the loop reaches it again.
    for (const [session, line] of this.#waiting) {
      this.#waiting.delete(session);
      this.#handled += this.#serve(line, Math.min(share, perTurn - this.#handled));
      if (line.length > 0) this.#waiting.set(session, line);
      if (this.#isTurnUsedUp()) break;
    }
  }

  /** Looks at the turn that is over. */
  #learn(): void {
    const spentMs = performance.now() - this.#turnStartMs;
    const streamMs = this.#handled === 0 ? 0 : Math.min(turnMs, spentMs / this.#handled);
    this.#streamMs = Math.max(streamMs, memory * this.#streamMs);
    this.#handled = 0;
  }

  /** Handles up to `count` streams from the front of `line`, and returns how many. */
  #serve(line: WaitingStream[], count: number): number {
    let passed = 0;
    let served = 0;
    while (served < count && passed < line.length) {
      const { stream, headBytes, handle } = line[passed++] as WaitingStream;
      this.#waitingBytes -= headBytes;
      if (stream.closed || stream.destroyed) continue;
      served += 1;
      handleLate(stream, handle);
    }
    line.splice(0, passed);
    return served;
  }
}

function ignore(): void {}

/** An empty body emits its end as soon as it arrives, whether it is read or not, and the call's handler would
 *  wait for it forever. */
function handleLate(stream: ServerHttp2Stream, handle: () => void): void {
  const hasEndedUnheard = stream.readableEnded;
  handle();
  if (hasEndedUnheard) stream.emit("end");
}
