import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import { lengthOfHeaders } from "./header-length.ts";

/** The arguments that Node passes to listeners for "stream". */
export type StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: string[],
) => void;

/** A call that has not begun. */
interface WaitingCall {
  /** Of its headers. */
  readonly bytes: number;
  isGone(): boolean;
  begin(): void;
}

/** Usual calls take a few milliseconds together, and a busy client has no more of them in flight: waiting costs
 *  something too. */
const mostPerTurn = 64;
/** How long the calls of a turn should take, with all that follows from them in the same turn. */
const turnMs = 5;
/** What a call took is forgotten by so much each turn. */
const memory = 0.8;
/** Headers of all waiting calls: no account counts them yet. Usual ones have some hundred bytes each. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** Spreads arriving calls over several turns of the event loop. Node reads up to 2 MB of a connection in one turn,
 *  which can hold thousands of streams: all other connections would wait until each of them is a call, and a client
 *  that resets them at once would get that for nothing. A stream that is reset before its turn costs no more than
 *  opening it did, and connections take turns. The more the calls of the last turns took, the fewer begin in a turn: a
 *  message of some hundred kilobytes takes milliseconds to read. */
export class CallIntake {
  /** Keys are connections: the one that was served longest ago comes first. */
  readonly #waiting = new Map<object, WaitingCall[]>();
  #waitingBytes = 0;
  #handled = 0;
  #isTurnPlanned = false;
  #turnStartMs = 0;
  /** What a call takes, by the dearest of the last turns. */
  #callMs = 0;

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
      if (this.#hasRoom()) {
        handle(stream, headers, flags, rawHeaders);
        return;
      }
      const bytes = lengthOfHeaders(rawHeaders);
      if (this.#waitingBytes + bytes > mostWaitingBytes) {
        stream.on("error", ignore);
        stream.close(constants.NGHTTP2_REFUSED_STREAM);
        return;
      }
      // Until another listener is added: an unhandled error ends the process.
      stream.on("error", ignore);
      this.#wait(session, {
        bytes,
        isGone: () => stream.closed || stream.destroyed,
        begin: () => handleLate(stream, () => handle(stream, headers, flags, rawHeaders)),
      });
    };
  }

  /** Begins a request of HTTP/1.1, at once or in a later turn; never if its connection is gone by then. A connection
   *  has one such request at a time. */
  begin(socket: Socket, handle: () => void): void {
    if (this.#hasRoom()) handle();
    else this.#wait(socket, { bytes: 0, isGone: () => socket.destroyed, begin: handle });
  }

  /** Whether a call may begin in this turn; counts it if so. */
  #hasRoom(): boolean {
    if (!this.#isTurnPlanned) this.#planTurn();
    if (this.#isTurnUsedUp() || this.#waiting.size > 0) return false;
    this.#handled += 1;
    return true;
  }

  #wait(connection: object, call: WaitingCall): void {
    this.#waitingBytes += call.bytes;
    const line = this.#waiting.get(connection);
    if (line === undefined) this.#waiting.set(connection, [call]);
    else line.push(call);
  }

  get #perTurn(): number {
    return Math.max(1, Math.min(mostPerTurn, Math.floor(turnMs / this.#callMs)));
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
    for (const [connection, line] of this.#waiting) {
      this.#waiting.delete(connection);
      this.#handled += this.#serve(line, Math.min(share, perTurn - this.#handled));
      if (line.length > 0) this.#waiting.set(connection, line);
      if (this.#isTurnUsedUp()) break;
    }
  }

  /** Looks at the turn that is over. */
  #learn(): void {
    const spentMs = performance.now() - this.#turnStartMs;
    const callMs = this.#handled === 0 ? 0 : Math.min(turnMs, spentMs / this.#handled);
    this.#callMs = Math.max(callMs, memory * this.#callMs);
    this.#handled = 0;
  }

  /** Begins up to `count` calls from the front of `line`, and returns how many. */
  #serve(line: WaitingCall[], count: number): number {
    let passed = 0;
    let served = 0;
    while (served < count && passed < line.length) {
      const call = line[passed++] as WaitingCall;
      this.#waitingBytes -= call.bytes;
      if (call.isGone()) continue;
      served += 1;
      call.begin();
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
