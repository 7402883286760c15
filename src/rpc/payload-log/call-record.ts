// A logged call on its way to the thread: what is known of it as JSON, then its payloads in the form in which they
// travelled. Many records share one buffer, since a message to a thread costs more than a small call.

/** What the headers say of a payload's form. */
export interface PayloadHead {
  /** Content-Type; "" if there is none. */
  readonly type: string;
  /** Of the whole body or message; "" for none. */
  readonly encoding: string;
  /** Bytes of JSON at the start of a body with binary tensors. */
  readonly jsonLength?: string | undefined;
  /** Before anything was cut. */
  readonly sizeBytes: number;
}

/** What is known of a call. */
export interface CallRecord {
  readonly id: string;
  /** Milliseconds since 1970: when it began, and when it was over. */
  readonly beganMs: number;
  readonly endedMs: number;
  readonly model: string;
  /** As `CallStart.rpc`. */
  readonly rpc: string;
  readonly protocol: string;
  /** Those that events carry. */
  readonly headers: Readonly<Record<string, string>>;
  /** Absent: it has none, or none that is logged. */
  readonly request?: PayloadHead | undefined;
  readonly answer?: PayloadHead | undefined;
}

export interface ReadRecord {
  readonly call: CallRecord;
  /** Views. Empty where there is no payload. */
  readonly request: Buffer;
  readonly answer: Buffer;
  /** Where the next record begins. */
  readonly end: number;
}

export const recordHeadBytes = 12;

/** Payloads in pieces, with the bytes of all of them. */
export interface Pieces {
  readonly pieces: readonly Uint8Array[];
  readonly sizeBytes: number;
}

/** Writes a record at `at`, and returns where it ends. `facts`: the call in JSON. There must be room for it. */
export function writeRecord(
  into: Buffer,
  at: number,
  {
    facts,
    request,
    answer,
  }: { readonly facts: Buffer; readonly request: Pieces; readonly answer: Pieces },
): number {
  into.writeUInt32LE(facts.length, at);
  into.writeUInt32LE(request.sizeBytes, at + 4);
  into.writeUInt32LE(answer.sizeBytes, at + 8);
  let end = at + recordHeadBytes;
  for (const piece of [facts, ...request.pieces, ...answer.pieces]) {
    into.set(piece, end);
    end += piece.length;
  }
  return end;
}

/** The record at `at`. */
export function readRecord(from: Buffer, at: number): ReadRecord {
  const start = at + recordHeadBytes;
  const requestAt = start + from.readUInt32LE(at);
  const answerAt = requestAt + from.readUInt32LE(at + 4);
  const end = answerAt + from.readUInt32LE(at + 8);
  return {
    call: JSON.parse(from.toString("utf8", start, requestAt)) as CallRecord,
    request: from.subarray(requestAt, answerAt),
    answer: from.subarray(answerAt, end),
    end,
  };
}
