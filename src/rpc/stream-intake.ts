import type { Http2Session, ServerHttp2Stream } from "node:http2";

type Handle = () => void;

// Some milliseconds of work, where every stream is a call.
const streamsPerTurn = 32;

/** Spreads the streams that arrive over turns of the event loop. Node reads up to 2 MB of a connection in one
 *  turn, which can hold thousands of streams: all other connections would wait until each of them is
 *  a call, and a client that resets them as it goes would have that for nothing. What is reset before its
 *  turn comes costs no more than it did to open it, and connections take turns. */
export class StreamIntake {
  readonly #waiting = new Map<Http2Session, [ServerHttp2Stream, Handle][]>();
  #handled = 0;
  #isTurnPlanned = false;

  /** Calls `handle` now or, if this turn has had enough, in one of the next; never for a stream that is closed
   *  by then. An end that came meanwhile is told again. */
  offer(stream: ServerHttp2Stream, handle: Handle): void {
    const { session } = stream;
    // The connection may have failed in the very bytes that opened the stream.
    if (session === undefined || stream.destroyed) {
      hearErrors(stream);
      return;
    }
    this.#planTurn();
    if (this.#handled < streamsPerTurn && this.#waiting.size === 0) {
      this.#handled += 1;
      handle();
      return;
    }
    hearErrors(stream);
    const line = this.#waiting.get(session);
    if (line === undefined) this.#waiting.set(session, [[stream, handle]]);
    else line.push([stream, handle]);
  }

  #planTurn(): void {
    if (this.#isTurnPlanned) return;
    this.#isTurnPlanned = true;
    setImmediate(() => this.#takeTurn());
  }

  #takeTurn(): void {
    this.#isTurnPlanned = false;
    this.#handled = 0;
    // A connection that was served goes to the end of the map, and the loop comes by again.
    for (const [session, line] of this.#waiting) {
      this.#waiting.delete(session);
      const handle = nextOf(line);
      if (handle === undefined) continue;
      if (line.length > 0) this.#waiting.set(session, line);
      this.#handled += 1;
      handle();
      if (this.#handled === streamsPerTurn) break;
    }
    if (this.#waiting.size > 0) this.#planTurn();
  }
}

/** For as long as nobody else listens: an error that nobody hears ends the process. */
function hearErrors(stream: ServerHttp2Stream): void {
  stream.on("error", () => {});
}

function nextOf(line: [ServerHttp2Stream, Handle][]): Handle | undefined {
  for (let next = line.shift(); next !== undefined; next = line.shift()) {
    const [stream, handle] = next;
    if (stream.closed || stream.destroyed) continue;
    return () => handleLate(stream, handle);
  }
  return undefined;
}

/** A body without a byte has its end told as soon as it is there, whether anybody reads or not: who handles the
 *  call would wait for it for ever. */
function handleLate(stream: ServerHttp2Stream, handle: Handle): void {
  const hasEndedUnheard = stream.readableEnded;
  handle();
  if (hasEndedUnheard) stream.emit("end");
}
