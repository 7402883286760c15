import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import { RuntimeError } from "../../base/errors.ts";
import type { StorageParameters } from "../contract/parameters.ts";
import { HttpStatusError } from "../contract/store-errors.ts";

export type Headers = Readonly<Record<string, string | string[]>>;

/** Certificates for the server that was asked, and for those that it redirects to. */
export interface WebTls {
  readonly own: TlsOptions;
  readonly others: TlsOptions;
}

export interface WebRequest {
  /** Sent to every server on the way. */
  readonly headers?: Headers;
  /** Secrets: sent to the origin of the URL only, never to a server that it redirects to. */
  readonly ownHeaders?: Headers;
  readonly signal: AbortSignal;
  /** Makes it a POST of a form. */
  readonly form?: string;
  /** Called with the response of each server that redirects. */
  readonly onRedirect?: (answer: IncomingMessage) => void;
}

interface TlsOptions {
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

const maxRedirects = 5;

/** A status that is not a success, and what the server said about it. */
export class WebStatusError extends HttpStatusError {
  readonly headers: IncomingMessage["headers"];
  /** Whether the server that was asked said so, not one that it redirects to. */
  readonly isOwn: boolean;

  constructor(answer: IncomingMessage, isOwn: boolean) {
    const { statusCode = 0, statusMessage } = answer;
    super(statusCode, statusMessage || `status ${statusCode}`);
    this.headers = answer.headers;
    this.isOwn = isOwn;
  }
}

/** Makes requests, each with a connection of its own, and follows redirects. */
export class WebClient {
  readonly #parameters: StorageParameters;
  readonly #idleTimeoutMs: number;
  readonly #tls: WebTls;

  /** Reads `certificate`, a CA in PEM, `client_certificate` and `client_key` of the parameters. */
  constructor(parameters: StorageParameters, idleTimeoutMs: number) {
    this.#parameters = parameters;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#tls = readTls(parameters);
  }

  /** The first response that is a success; its body must be read or destroyed. Rejects with `WebStatusError`, an
   *  error of the connection, or "invalid-argument" for a redirect that may not be followed. */
  async get(url: URL, request: WebRequest): Promise<IncomingMessage> {
    const { signal, form, headers = {}, ownHeaders = {} } = request;
    let target = url;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const isOwn = target.origin === url.origin;
      const sent = { ...(isOwn ? ownHeaders : {}), "accept-encoding": "identity", ...headers };
      const answer = await send(target, {
        ...(isOwn ? this.#tls.own : this.#tls.others),
        headers: sent,
        signal,
        timeout: this.#idleTimeoutMs,
        form,
      });
      const { statusCode = 0 } = answer;
      if (statusCode >= 200 && statusCode < 300) return answer;
      answer.destroy();
      const { location } = answer.headers;
      const isRedirect = statusCode >= 300 && statusCode < 400 && location !== undefined;
      // A form holds secrets, and is for one server.
      if (!isRedirect || form !== undefined) throw new WebStatusError(answer, isOwn);
      request.onRedirect?.(answer);
      target = this.#next(location, target, url);
    }
    throw this.#parameters.invalid(`it redirects more than ${maxRedirects} times`);
  }

  /** The body of the response to `get`, at most `maxBytes`. `what` names it in messages. */
  async read(url: URL, request: WebRequest, limit: { maxBytes: number; what: string }) {
    const answer = await this.get(url, request);
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    try {
      for await (const chunk of answer as AsyncIterable<Uint8Array>) {
        sizeBytes += chunk.length;
        if (sizeBytes > limit.maxBytes) {
          throw new RuntimeError(
            "failed-precondition",
            `${limit.what} has more than ${limit.maxBytes} bytes`,
          );
        }
        chunks.push(chunk);
      }
      return { body: Buffer.concat(chunks), headers: answer.headers };
    } finally {
      answer.destroy();
    }
  }

  #next(location: string, from: URL, first: URL): URL {
    if (!URL.canParse(location, from.href)) {
      throw this.#parameters.invalid("it redirects to an invalid URL");
    }
    const target = new URL(location, from.href);
    if (!/^https?:$/.test(target.protocol)) {
      throw this.#parameters.invalid(`it redirects to ${target.protocol}`);
    }
    if (first.protocol === "https:" && target.protocol === "http:") {
      throw this.#parameters.invalid("it redirects from https to http");
    }
    return target;
  }
}

interface SendOptions extends TlsOptions {
  readonly headers: Headers;
  readonly signal: AbortSignal;
  /** How long the connection may be silent, in milliseconds. */
  readonly timeout: number;
  readonly form: string | undefined;
}

function send(url: URL, { form, ...options }: SendOptions): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  const isForm = form !== undefined;
  const headers = isForm
    ? { ...options.headers, "content-type": "application/x-www-form-urlencoded" }
    : options.headers;
  return new Promise((resolve, reject) => {
    // No agent: each request has its own connection, which ends with it.
    const more = { method: isForm ? "POST" : "GET", headers, agent: false as const };
    const sent = request(url, { ...options, ...more }, (answer) => {
      // The body may have no reader when its connection breaks.
      answer.on("error", () => {});
      resolve(answer);
    });
    sent.on("error", reject);
    sent.on("timeout", () => {
      sent.destroy(new Error(`no data arrived for ${options.timeout} ms`));
    });
    sent.end(form);
  });
}

function readTls(parameters: StorageParameters): WebTls {
  const certificate = parameters.text("certificate");
  const client = parameters.together("client_certificate", "client_key");
  const others = certificate === undefined ? {} : { ca: [...rootCertificates, certificate] };
  if (client === undefined) return { own: others, others };
  return { own: { ...others, cert: client.client_certificate, key: client.client_key }, others };
}
