// What logs and diagnostics must not show, whatever message it came in: texts of stores and of their
// libraries quote requests. The patterns work on lines of JSON. None of them looks back further than the
// 64 letters of a name, so that a line costs no more than its length.

const secretName =
  /secret|passw|token|credential|signature|authorization|cookie|api_?key|access_?key|account_?key|model_?key|private_?key/i;

/** "tokenFile", for example, says where a secret is. */
const harmlessName = /(?:file|path|dir|directory|id)$/i;

/** Whatever has a secret in it has one of these: most lines have none, and one look at them costs less than
 *  one for each of the patterns. */
const suspect = new RegExp(`${secretName.source}|://|\\?|bearer|basic|private key`, "i");

const userInUrl = /:\/\/[^\s"\\/@?#]*@/g;
const query = /(?<=[^\s"\\?])\?[\w.%~-]{1,64}=[^\s"\\]*/g;
const bearer = /\b(Bearer|Basic) +[\w.~+/=-]{8,}/g;
const pemKey =
  /-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----(?:[^-"\\]|\\n)*(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?/g;
const assignment = /\b([\w-]{1,64})=([^\s"\\&,;]+)/g;
const field = /"([\w$.-]{1,64})":"(?:[^"\\]|\\.)*"/g;
/** A field of JSON inside of a text. */
const quotedField = /\\"([\w$.-]{1,64})\\"\s*:\s*\\"[^"\\]*/g;

/** `line` without the values of passwords, tokens, keys and signatures: "***" stands for each. A query is
 *  left out as a whole, since signed URLs have their signature in it. */
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
