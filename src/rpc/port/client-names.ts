import type { TLSSocket } from "node:tls";

const nameTypes = new Set(["DNS", "URI"]);

// As Node writes them: "DNS:a.example, URI:spiffe://b", with names in JSON's quotes where they would be
// mistaken for more than one.
const nextName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)/y;

/** The names in the certificate that a client has shown, as settings write them: "CN:ops", "DNS:ops.example.com",
 *  "URI:spiffe://example.com/ops". Call it only for certificates that were verified; empty without one. */
export function clientNames(socket: TLSSocket): readonly string[] {
  const { subject, subjectaltname = "" } = socket.getPeerCertificate();
  if (subject === undefined) return [];
  // Of more than one common name nobody says which is meant.
  const commonNames = typeof subject.CN === "string" ? [`CN:${subject.CN}`] : [];
  return [...commonNames, ...alternativeNames(subjectaltname)];
}

/** Exported for its tests. What cannot be read to its end has no names. */
export function alternativeNames(text: string): readonly string[] {
  const names: string[] = [];
  nextName.lastIndex = 0;
  let end = 0;
  while (end < text.length) {
    const [, type = "", value = ""] = nextName.exec(text) ?? [];
    if (type === "") return [];
    end = nextName.lastIndex;
    if (!nameTypes.has(type)) continue;
    const name = value.startsWith('"') ? unquoted(value) : value;
    if (name === undefined) return [];
    names.push(`${type}:${name}`);
  }
  return names;
}

function unquoted(text: string): string | undefined {
  try {
    return String(JSON.parse(text));
  } catch {
    return undefined;
  }
}
