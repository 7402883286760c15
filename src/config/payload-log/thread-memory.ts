const MiB = 1024 * 1024;

/** How many requests to its sink the payload log has under way at most. */
export const payloadSenders = 4;
/** Bytes of the events of one request, at least, where several are sent together. */
export const payloadBatchBytes = MiB;
/** The thread itself: an allowance, with room. */
const emptyThreadBytes = 24 * MiB;

/** What the thread of the payload log takes beside its queue. `maxBytes`: of one payload. One event is made at a time,
 *  of its pieces, their text, and the text as bytes; made ones are held until they are sent. */
export function payloadThreadBytes(maxBytes: number): number {
  const heldBytes = Math.max(maxBytes, payloadBatchBytes);
  return emptyThreadBytes + payloadSenders * 1.5 * heldBytes + 6 * maxBytes;
}
