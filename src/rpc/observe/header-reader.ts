import type { IncomingHttpHeaders } from "node:http2";

/** Headers of a request, by names in small letters; null for those that did not come. */
export type HeaderReader = Pick<Headers, "get">;

/** Those of Node, read in the way of `Headers`. */
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

/** Headers as Node sends them. */
export function toNodeHeaders(headers: Headers): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = {};
  headers.forEach((value, name) => {
    all[name] = value;
  });
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) all["set-cookie"] = cookies;
  return all;
}

// As `Headers` does it: other white space is part of the value.
function trimmed(value: string): string {
  return /^[ \t]|[ \t]$/.test(value) ? value.replace(/^[ \t]+|[ \t]+$/g, "") : value;
}
