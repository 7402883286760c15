import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { text } from "node:stream/consumers";
import type { ClientTls } from "./clients.ts";

export interface HttpsAnswer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request over HTTP/1.1 and a connection of its own to localhost. Rejects if there is no answer. */
export function requestHttps(
  port: number,
  path: string,
  options: {
    readonly tls: ClientTls;
    readonly method?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  },
): Promise<HttpsAnswer> {
  const { tls, method = "GET", headers = {}, body } = options;
  const pem = Object.fromEntries(
    Object.entries(tls).map(([name, file]: [string, string]) => [name, readFileSync(file)]),
  );
  return new Promise((resolve, reject) => {
    const request = https.request(
      { host: "localhost", port, path, method, headers, agent: false, ...pem },
      (response) => {
        const { statusCode: status } = response;
        text(response).then(
          (received) => resolve({ status, headers: response.headers, body: received }),
          reject,
        );
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
