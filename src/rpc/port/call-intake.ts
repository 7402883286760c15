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

/** So many calls begin as they arrive, in a turn: what they hold is decoded once all of them have begun. */
const mostAtOnce = 8;
/** And so many more in its check phase at most, one after the other, until this time is used up. */
const mostPlanned = 64;
const turnMs = 5;
/** Headers of all waiting calls: no account counts them yet. Usual ones have some hundred bytes each. */
const mostWaitingBytes = 4 * 1024 * 1024;

/** Spreads arriving calls over several turns of the event loop. Node reads up to 2 MB of a connection in one turn,
 *  which can hold thousands of streams: all other connections would wait until each of them is a call, and a client
 *  that resets them at once would get that for nothing. A stream that is reset before its turn costs no more than
 *  opening it did, and connections take turns. No call of a turn begins once others have taken it up: decoding a
 *  message of some hundred kilobytes takes milliseconds. */
export class CallIntake {
  /** Keys are connections: the one that was served longest ago comes first. */
  readonly #waiting = new Map<object, WaitingCall[]>();
  #waitingBytes = 0;
  /** Calls that began as they arrived, since the last check phase. */
  #atOnce = 0;
  /** Immediates that are planned; each begins a call. */
  #planned = 0;
  /** The number of the current or last check phase, and when it began. */
  #phase = 0;
  #phaseMs = 0;

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

  /** Whether a call may begin as it arrives; counts it if so. */
  #hasRoom(): boolean {
    if (this.#atOnce >= mostAtOnce || this.#waiting.size > 0) return false;
    // It starts the count afresh.
    if (this.#planned === 0) this.#plan();
    this.#atOnce += 1;
    return true;
  }

  #wait(connection: object, call: WaitingCall): void {
    this.#waitingBytes += call.bytes;
    const line = this.#waiting.get(connection);
    if (line === undefined) this.#waiting.set(connection, [call]);
    else line.push(call);
    this.#plan();
  }

  /** An immediate runs in the next check phase, and all that follows from the call that it begins runs before the next
   *  immediate. */
  #plan(): void {
    if (this.#planned >= mostPlanned) return;
    this.#planned += 1;
    setImmediate(this.#next, this.#phase + 1);
  }

  readonly #next = (phase: number): void => {
    this.#planned -= 1;
    if (phase > this.#phase) {
      this.#phase = phase;
      this.#phaseMs = performance.now();
      this.#atOnce = 0;
    } else if (performance.now() - this.#phaseMs > turnMs) {
      this.#plan();
      return;
    }
    this.#beginNext();
    if (this.#waiting.size > 0) this.#plan();
  };

  /** Begins the next call of the connection that was served longest ago. */
  #beginNext(): void {
    for (const [connection, line] of this.#waiting) {
      this.#waiting.delete(connection);
      const call = this.#takeOpen(line);
      if (line.length > 0) this.#waiting.set(connection, line);
      if (call === undefined) continue;
      call.begin();
      return;
    }
  }

  /** Takes the first call that is not gone, and those before it. */
  #takeOpen(line: WaitingCall[]): WaitingCall | undefined {
    for (let call = line.shift(); call !== undefined; call = line.shift()) {
      this.#waitingBytes -= call.bytes;
      if (!call.isGone()) return call;
    }
    return undefined;
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
