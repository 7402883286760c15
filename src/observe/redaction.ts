// What logs and diagnostics must not show, whatever message contains it: messages from stores and their
// libraries quote requests. The patterns work on lines of JSON. None of them looks back further than the 64
// letters of a name, so a line costs time in proportion to its length.

const secretName =
  /secret|passw|token|credential|signature|authorization|cookie|api_?key|access_?key|account_?key|model_?key|private_?key/i;

/** Names such as "tokenFile" say where a secret is, and are not secret. */
const harmlessName = /(?:file|path|dir|directory|id)$/i;

/** Every secret contains one of these. Most lines contain none, and this one check is cheaper than a check for
 *  each pattern. */
const suspect = new RegExp(`${secretName.source}|://|\\?|bearer|basic|private key`, "i");

const userInUrl = /:\/\/[^\s"\\/@?#]*@/g;
const query = /(?<=[^\s"\\?])\?[\w.%~-]{1,64}=[^\s"\\]*/g;
const bearer = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/g;
const pemKey =
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:[^-"\\]|\\n)*(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?/g;
const assignment = /\b([\w-]{1,64})=([^\s"\\&,;]+)/g;
const field = /"([\w$.-]{1,64})":"(?:[^"\\]|\\.)*"/g;
/** A JSON field inside a string. */
const quotedField = /\\"([\w$.-]{1,64})\\"\s*:\s*\\"[^"\\]*/g;

/** `line` with "***" in place of passwords, tokens, keys and signatures. Queries are removed as a whole, since
 *  signed URLs carry their signature in the query. */
export function redact(line: string): string {
  if (!suspect.test(line)) return line;
  return line
    .replace(field, (text, name: string) => (isSecret(name) ? `"${name}":"***"` : text))
    .replace(quotedField, (text, name: string) => (isSecret(name) ? `\\"${name}\\":\\"***` : text))
    .replace(userInUrl, "://***@")
    .replace(query, "?***")
    .replace(assignment, (text, name: string) => (isSecret(name) ? `${name}=***` : text))
    .replace(bearer, "$1 ***")
    .replace(pemKey, "***");
}

function isSecret(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name);
}
