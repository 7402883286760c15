/** Names of what travels between the server and a text model's host. */
export const itemInput = "item";
export const reportOutput = "report";

/** Tokens of a run, padding included, unless a single text has more. Larger runs do not fit a core's cache and cost more
 *  for each token. */
export const runTokens = 256;

/** Bytes of a text for one of its tokens. English has more, and source code and numbers have fewer. */
export const bytesPerToken = 3;

/** Bytes of packed items that share a run: of some twice as many tokens as the host runs at once. More in one run save
 *  nothing, and all its texts would wait for the last. */
export const joinedTextBytes = 2 * runTokens * bytesPerToken;
