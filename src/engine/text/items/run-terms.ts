/** Names of what travels between the server and a text model's host. */
export const itemInput = "item";
export const reportOutput = "report";

/** Tokens of a run, padding included, unless a single text has more. Larger runs do not fit a core's cache and cost more
 *  for each token. */
export const runTokens = 256;
