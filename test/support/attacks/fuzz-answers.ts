import assert from "node:assert/strict";

/** One message of a stream as gRPC, gRPC-Web and Connect frame it. */
export interface Envelope {
  readonly flags: number;
  readonly bytes: Buffer;
}

/** Fails unless `body` is made of whole envelopes. */
export function splitEnvelopes(body: Buffer): Envelope[] {
  const envelopes: Envelope[] = [];
  for (let at = 0; at < body.length; ) {
    assert.ok(at + 5 <= body.length, "an envelope is cut off");
    const end = at + 5 + body.readUInt32BE(at + 1);
    assert.ok(end <= body.length, "an envelope is cut off");
    envelopes.push({ flags: body.readUInt8(at), bytes: body.subarray(at + 5, end) });
    at = end;
  }
  return envelopes;
}

// INVALID_ARGUMENT and its like: the caller can mend it. NOT_FOUND where the name of the model was hit,
// DEADLINE_EXCEEDED where the timeout was.
const callersFaults: ReadonlyMap<unknown, string> = new Map([
  ["invalid_argument", "3"],
  ["deadline_exceeded", "4"],
  ["not_found", "5"],
  ["resource_exhausted", "8"],
  ["out_of_range", "11"],
  ["unimplemented", "12"],
]);
const statusesOfFaults: ReadonlySet<unknown> = new Set(callersFaults.values());

/** Fails unless the refusal is the caller's to mend, and says why. `code`: a number of gRPC or a name of
 *  Connect. */
export function assertCallersFault(code: unknown, message: unknown): void {
  const text = `code ${code}: ${message}`;
  assert.ok(typeof message === "string" && message !== "", `an error says why: ${text}`);
  // gRPC's rules demand INTERNAL for a message flagged as compressed where no compression was agreed.
  if (message.startsWith("received compressed envelope, ")) return;
  assert.ok(callersFaults.has(code) || statusesOfFaults.has(code), text);
}

/** Whether the status of gRPC is OK; fails unless any other is the caller's to mend. `message`: in percent
 *  encoding, as it travels. */
export function checkGrpcStatus(status: unknown, message: unknown): boolean {
  if (status === "0") return true;
  assertCallersFault(status, decodeURIComponent(String(message ?? "")));
  return false;
}

/** The last message of gRPC-Web, with the trailers: flag 128, lines as in HTTP/1.1. */
export function readWebTrailers({ flags, bytes }: Envelope): Record<string, string> {
  assert.equal(flags, 0x80);
  const lines = bytes.toString().split("\r\n").filter(Boolean);
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(":");
      assert.ok(colon > 0, `a trailer without a name: ${line}`);
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
}
