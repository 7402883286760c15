import type { IncomingHttpHeaders } from "node:http2";

/** Request headers by lower-case names; null for absent headers. */
export type HeaderReader = Pick<Headers, "get">;

/** Node's headers, read through the interface of `Headers`. */
export class NodeHeaders implements HeaderReader {
  readonly #headers: IncomingHttpHeaders;

  constructor(headers: IncomingHttpHeaders) {
    this.#headers = headers;
  }

  get(name: string): string | null {
    const value = this.#headers[name];
    if (value === undefined) return null;
    return trimmed(typeof value === "string" ? value : value.join(", "));
  }

  toHeaders(): Headers {
    const headers = new Headers();
    for (const [name, value] of Object.entries(this.#headers)) {
      if (name.startsWith(":") || value === undefined) continue;
      for (const each of typeof value === "string" ? [value] : value) headers.append(name, each);
    }
    return headers;
  }
}

/** Headers in the form that Node sends. */
export function toNodeHeaders(headers: Headers): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = {};
  headers.forEach((value, name) => {
    all[name] = value;
  });
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) all["set-cookie"] = cookies;
  return all;
}

// Like `Headers`: other white space is part of the value.
function trimmed(value: string): string {
  return /^[ \t]|[ \t]$/.test(value) ? value.replace(/^[ \t]+|[ \t]+$/g, "") : value;
}
