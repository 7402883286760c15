/** Names, ids and parameters mean something to people and to caches. Longer ones would only hold up others while
 *  they are decoded, logged and written back. */
export const maxTextBytes = 64 * 1024;

/** Why a text that is no tensor is refused. `what` names it. */
export function longText(what: string, sizeBytes: number): string {
  return `${what} has ${sizeBytes} bytes, expected at most ${maxTextBytes}: only tensors may be longer`;
}
