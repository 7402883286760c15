import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { rootCertificates } from "node:tls";
import { traceHeaders } from "../observe/trace-scope.ts";
import { baseName, normalize } from "./object-listing.ts";
import type { StorageParameters } from "./parameters.ts";
import type {
  Checksum,
  RemoteBody,
  RemoteFile,
  RemoteListing,
  RemoteStorage,
} from "./remote-storage.ts";
import { HttpStatusError, ObjectChangedError, toStorageError } from "./store-errors.ts";

type Headers = Readonly<Record<string, string | string[]>>;

const maxRedirects = 5;
const digestHeaders = { md5: "md5", sha: "sha1", "sha-256": "sha256" } as const;

/** A file at an `http` or `https` URL. Parameters: `url`, to which the model's path is appended; `headers`,
 *  sent with every request to that origin; `certificate`, a CA in PEM; `client_certificate` and `client_key`. */
export async function openHttp(
  parameters: StorageParameters,
  idleTimeoutMs: number,
): Promise<RemoteStorage> {
  const base = readUrl(parameters);
  const headers = readHeaders(parameters);
  const tls = readTls(parameters);
  /** The response that described the file, until its body is read. */
  let unread: IncomingMessage | undefined;

  const get = async (url: URL, more: Headers, signal: AbortSignal): Promise<IncomingMessage> => {
    let target = url;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      // Another server that we are redirected to must not receive what was meant for this one.
      const own = target.origin === url.origin;
      const answer = await send(target, {
        ...(own ? tls.own : tls.others),
        headers: {
          ...(own ? { ...traceHeaders(), ...headers } : {}),
          "accept-encoding": "identity",
          ...more,
        },
        signal,
        timeout: idleTimeoutMs,
      });
      const { statusCode = 0 } = answer;
      const { location } = answer.headers;
      if (statusCode >= 200 && statusCode < 300) return answer;
      answer.destroy();
      if (statusCode < 300 || statusCode >= 400 || location === undefined) {
        throw new HttpStatusError(statusCode, answer.statusMessage || `status ${statusCode}`);
      }
      if (!URL.canParse(location, target.href))
        throw parameters.invalid("it redirects to an invalid URL");
      target = new URL(location, target.href);
      if (!/^https?:$/.test(target.protocol)) {
        throw parameters.invalid(`it redirects to ${target.protocol}`);
      }
      if (url.protocol === "https:" && target.protocol === "http:") {
        throw parameters.invalid("it redirects from https to http");
      }
    }
    throw parameters.invalid(`it redirects more than ${maxRedirects} times`);
  };

  const describe = async (url: URL, signal: AbortSignal): Promise<RemoteListing> => {
    const what = shown(url);
    try {
      const answer = await get(url, {}, signal);
      refuseEncoded(answer, parameters);
      unread?.destroy();
      unread = answer;
      const name = fileName(url, what);
      const [version, sizeBytes] = [versionOf(answer), lengthOf(answer)];
      return { isFolder: false, files: [{ key: url.href, name, version, sizeBytes }] };
    } catch (error) {
      throw toStorageError(error, what);
    }
  };

  return {
    origin: `http ${base.origin}`,
    list: (path, signal) => describe(appendPath(base, path), signal),
    listBeside: async (path, suffix, signal) => {
      const url = appendPath(base, path);
      url.pathname += suffix;
      const listing = await describe(url, signal);
      // It is not the file that is read next.
      unread?.destroy();
      unread = undefined;
      return listing;
    },
    open: async (file, offset, signal) => {
      if (unread !== undefined) {
        const answer = unread;
        unread = undefined;
        if (offset === 0 && !answer.destroyed) return bodyOf(answer, 0);
        answer.destroy();
      }
      const range = rangeHeaders(file, offset);
      const answer = await get(new URL(file.key), range, signal);
      refuseEncoded(answer, parameters);
      if (file.version !== undefined && versionOf(answer) !== file.version) {
        answer.destroy();
        throw new ObjectChangedError(shown(new URL(file.key)));
      }
      return bodyOf(answer, startOf(answer));
    },
    close: () => {
      unread?.destroy();
      unread = undefined;
    },
  };
}

interface SendOptions {
  readonly headers: Headers;
  readonly signal: AbortSignal;
  /** How long the connection may be silent, in milliseconds. */
  readonly timeout: number;
  readonly ca?: string[];
  readonly cert?: string;
  readonly key?: string;
}

function send(url: URL, options: SendOptions): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    // No agent: each request has its own connection, which ends with it.
    const sent = request(url, { ...options, agent: false }, (answer) => {
      // The body may have no reader when its connection breaks.
      answer.on("error", () => {});
      resolve(answer);
    });
    sent.on("error", reject);
    sent.on("timeout", () => {
      sent.destroy(new Error(`no data arrived for ${options.timeout} ms`));
    });
    sent.end();
  });
}

function bodyOf(answer: IncomingMessage, offset: number): RemoteBody {
  return { offset, checksum: checksumOf(answer), bytes: answer };
}

/** A part is useful only if the server can confirm that the file is still the same. */
function rangeHeaders(file: RemoteFile, offset: number): Headers {
  const { version } = file;
  if (offset === 0 || version === undefined || version.startsWith("W/")) return {};
  return { range: `bytes=${offset}-`, "if-range": version };
}

function startOf(answer: IncomingMessage): number {
  if (answer.statusCode !== 206) return 0;
  const start = /^bytes (\d+)-/.exec(answer.headers["content-range"] ?? "")?.[1];
  return Number(start ?? 0);
}

/** The ETag, or the date of the last change. */
function versionOf({ headers }: IncomingMessage): string | undefined {
  return headers.etag ?? headers["last-modified"];
}

function lengthOf({ headers }: IncomingMessage): number | undefined {
  const length = headers["content-length"];
  return length === undefined ? undefined : Number(length);
}

/** Of the whole file: a part has a different digest, except in `Repr-Digest`. */
function checksumOf({ headers, statusCode }: IncomingMessage): Checksum | undefined {
  const fields = [headers["repr-digest"], statusCode === 200 ? headers["digest"] : undefined];
  for (const field of fields.flat()) {
    for (const [, name = "", base64 = ""] of field?.matchAll(/([\w-]+)=:?([\w+/]+=*):?/g) ?? []) {
      const known = name.toLowerCase();
      if (known in digestHeaders) {
        const algorithm = digestHeaders[known as keyof typeof digestHeaders];
        return { algorithm, digest: toHex(base64) };
      }
    }
  }
  const md5 = statusCode === 200 ? headers["content-md5"] : undefined;
  return typeof md5 === "string" ? { algorithm: "md5", digest: toHex(md5) } : undefined;
}

function refuseEncoded(answer: IncomingMessage, parameters: StorageParameters): void {
  const encoding = answer.headers["content-encoding"] ?? "identity";
  if (encoding === "identity") return;
  answer.destroy();
  throw parameters.invalid(`it is served with the content encoding '${encoding}'`);
}

function fileName(url: URL, what: string): string {
  let path = url.pathname;
  try {
    path = decodeURIComponent(path);
  } catch {
    // A stray percent sign is a valid part of a name.
  }
  // A decoded slash is now part of the path, and decoded dots could lead out of it.
  return normalize(baseName(path.replace(/\/+$/, "")), what) || "model";
}

function appendPath(base: URL, path: string): URL {
  const url = new URL(base);
  const more = normalize(path, "the path of the model");
  if (more === "") return url;
  const encoded = more.split("/").map(encodeURIComponent).join("/");
  url.pathname = `${url.pathname.replace(/\/+$/, "")}/${encoded}`;
  return url;
}

/** Without the query and the user, which may be secrets. */
function shown(url: URL): string {
  return `${url.origin}${url.pathname}`;
}

function readUrl(parameters: StorageParameters): URL {
  const text = parameters.required("url");
  if (!URL.canParse(text)) throw parameters.invalid("url is not a valid URL");
  const url = new URL(text);
  if (!/^https?:$/.test(url.protocol)) throw parameters.invalid("url must be http or https");
  return url;
}

function readHeaders(parameters: StorageParameters): Headers {
  const value = parameters.field("headers");
  if (value === undefined || value === null) return {};
  const isText = (each: unknown) => typeof each === "string" && /^[\t\x20-\x7e]*$/.test(each);
  const isSound =
    typeof value === "object" &&
    !Array.isArray(value) &&
    Object.entries(value).every(
      ([name, each]) => /^[\w!#$%&'*+.^`|~-]+$/.test(name) && [each].flat().every(isText),
    );
  if (!isSound) {
    throw parameters.invalid("headers must be an object of strings, or of lists of strings");
  }
  const headers = value as Record<string, string | string[]>;
  // We set these ourselves.
  const reserved = new Set(["range", "if-range", "accept-encoding"]);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !reserved.has(name.toLowerCase())),
  );
}

function readTls(parameters: StorageParameters) {
  const certificate = parameters.text("certificate");
  const client = parameters.together("client_certificate", "client_key");
  const others = certificate === undefined ? {} : { ca: [...rootCertificates, certificate] };
  if (client === undefined) return { own: others, others };
  return { own: { ...others, cert: client.client_certificate, key: client.client_key }, others };
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
