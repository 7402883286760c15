import type { TLSSocket } from "node:tls";

const nameTypes = new Set(["DNS", "URI"]);

// Node's format: "DNS:a.example, URI:spiffe://b", with names in JSON quotes where they would be ambiguous.
const nextName = /(?:^|, )([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)/y;

/** The names in the client's certificate, in the format of the settings: "CN:ops", "DNS:ops.example.com",
 *  "URI:spiffe://example.com/ops". Call it only for verified certificates; empty without one. */
export function clientNames(socket: TLSSocket): readonly string[] {
  const { subject, subjectaltname = "" } = socket.getPeerCertificate();
  if (subject === undefined) return [];
  // With several common names it is unknown which one is meant.
  const commonNames = typeof subject.CN === "string" ? [`CN:${subject.CN}`] : [];
  return [...commonNames, ...alternativeNames(subjectaltname)];
}

/** Exported for its tests. A list that cannot be parsed to its end has no names. */
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
