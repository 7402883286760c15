import { STATUS_CODES } from "node:http";

/** A complete HTTP/1.1 response, as it is written to a socket that no HTTP server reads any more. It is the last
 *  of its connection. */
export function http1Answer(
  status: number,
  {
    headers = {},
    body,
  }: { readonly headers?: Readonly<Record<string, string>>; readonly body: string },
): string {
  const all = {
    connection: "close",
    "content-type": "application/json",
    ...headers,
    "content-length": Buffer.byteLength(body),
  };
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    ...Object.entries(all).map(([name, value]) => `${name}: ${value}`),
  ];
  return `${head.join("\r\n")}\r\n\r\n${body}`;
}
