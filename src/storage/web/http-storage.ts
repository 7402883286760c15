import type { IncomingMessage } from "node:http";
import { traceHeaders } from "../../observe/trace-scope.ts";
import { baseName, normalize } from "../contract/object-listing.ts";
import type { StorageParameters } from "../contract/parameters.ts";
import type {
  Checksum,
  RemoteBody,
  RemoteFile,
  RemoteListing,
  RemoteStorage,
} from "../contract/remote-storage.ts";
import { ObjectChangedError, toStorageError } from "../contract/store-errors.ts";
import { startOf } from "./content-range.ts";
import { type Headers, WebClient } from "./web-client.ts";

const digestHeaders = { md5: "md5", sha: "sha1", "sha-256": "sha256" } as const;

/** A file at an `http` or `https` URL. Parameters: `url`, to which the model's path is appended; `headers`,
 *  sent with every request to that origin; `certificate`, a CA in PEM; `client_certificate` and `client_key`. */
export async function openHttp(
  parameters: StorageParameters,
  idleTimeoutMs: number,
): Promise<RemoteStorage> {
  const base = readUrl(parameters);
  const headers = readHeaders(parameters);
  const client = new WebClient(parameters, idleTimeoutMs);
  /** The response that described the file, until its body is read. */
  let unread: IncomingMessage | undefined;

  const get = (url: URL, more: Headers, signal: AbortSignal) =>
    client.get(url, { headers: more, ownHeaders: { ...traceHeaders(), ...headers }, signal });

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

function bodyOf(answer: IncomingMessage, offset: number): RemoteBody {
  return { offset, checksum: checksumOf(answer), bytes: answer };
}

/** A part is useful only if the server can confirm that the file is still the same. */
function rangeHeaders(file: RemoteFile, offset: number): Headers {
  const { version } = file;
  if (offset === 0 || version === undefined || version.startsWith("W/")) return {};
  return { range: `bytes=${offset}-`, "if-range": version };
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

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
