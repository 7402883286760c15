import type { IncomingHttpHeaders } from "node:http";
import { RuntimeError } from "../../base/errors.ts";
import { normalize } from "../contract/object-listing.ts";
import type { StorageParameters } from "../contract/parameters.ts";
import type { RemoteFile, RemoteListing, RemoteStorage } from "../contract/remote-storage.ts";
import { ObjectChangedError, toStorageError } from "../contract/store-errors.ts";
import { startOf } from "../web/content-range.ts";
import { type Headers, WebClient, WebStatusError } from "../web/web-client.ts";
import { checksumOf, contentOf } from "./file-checksum.ts";
import { type HubFile, readHubInfo } from "./hub-info.ts";
import { checkRepository, checkRevision, readHubName } from "./hub-name.ts";
import { selectFiles } from "./needed-files.ts";

export interface HubSettings {
  readonly idleTimeoutMs: number;
  readonly hubEndpoint: string;
  /** Sent to `hubEndpoint` only. */
  readonly hubToken: string | undefined;
}

/** Of the list of files. */
const maxInfoBytes = 64 * 1024 * 1024;

/** A model of Hugging Face's hub, or of another server with its API. Parameters: `repository`, "owner/model"
 *  (otherwise the path starts with it); `revision`; `token`; `endpoint_url`, instead of the setting; `include`, a
 *  list of files, separated by commas, that are pulled in any case; `certificate`, a CA in PEM;
 *  `client_certificate` and `client_key`. */
export async function openHub(
  parameters: StorageParameters,
  settings: HubSettings,
): Promise<RemoteStorage> {
  const endpoint = readEndpoint(parameters, settings);
  const given = parameters.text("repository");
  const client = new WebClient(parameters, settings.idleTimeoutMs);
  const token = readToken(parameters, endpoint, settings);
  const ownHeaders: Headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const include = (parameters.text("include") ?? "").split(",").map((name) => name.trim());
  const extra = include.filter((name) => name !== "");
  /** Of the listed files, by key. */
  const listed = new Map<string, { readonly url: URL; readonly file: HubFile }>();

  const list = async (path: string, signal: AbortSignal): Promise<RemoteListing> => {
    const name = nameOf(parameters, given, path);
    const { repository } = name;
    const revision = name.revision || "main";
    const what = `${repository}@${revision}`;
    const info = new URL(
      `${endpoint}/api/models/${repository}/revision/${encodeURIComponent(revision)}`,
    );
    info.searchParams.set("blobs", "true");
    const limit = { maxBytes: maxInfoBytes, what: `the list of files of ${what}` };
    const { body } = await client
      .read(info, { ownHeaders, signal }, limit)
      .catch((error: unknown) => {
        throw explain(error, what, token !== undefined);
      });
    const { commit, files } = readHubInfo(body, what);
    const byPath = new Map(files.map((file) => [file.path, file]));
    const selection = selectFiles([...byPath.keys()], normalize(name.path, what), extra, what);
    const found = selection.paths.flatMap((each) => byPath.get(each) ?? []);
    return {
      isFolder: selection.isFolder,
      files: found.map((file) => {
        const key = `${repository}@${commit.slice(0, 12)}/${file.path}`;
        const encoded = file.path.split("/").map(encodeURIComponent).join("/");
        const url = new URL(`${endpoint}/${repository}/resolve/${commit}/${encoded}`);
        listed.set(key, { url, file });
        return toRemoteFile(key, file, selection.root, commit);
      }),
    };
  };

  return {
    origin: `hf ${endpoint}`,
    list: async (path, signal) => {
      try {
        return await list(path, signal);
      } catch (error) {
        throw toStorageError(error, given ?? path);
      }
    },
    open: async ({ key }, offset, signal) => {
      const { url, file } = listed.get(key) ?? {};
      if (url === undefined || file === undefined) throw new Error(`${key} has not been listed`);
      let own: IncomingHttpHeaders | undefined;
      const answer = await client
        .get(url, {
          headers: offset === 0 ? {} : { range: `bytes=${offset}-` },
          ownHeaders,
          signal,
          // The first response is the hub's own; a large file lies elsewhere.
          onRedirect: ({ headers }) => {
            own ??= headers;
          },
        })
        .catch((error: unknown) => {
          throw explain(error, key, token !== undefined);
        });
      const content = contentOf(own ?? answer.headers);
      if (isOther(file, content)) {
        answer.destroy();
        throw new ObjectChangedError(key);
      }
      const known = { ...content, ...definedOf(file) };
      return { offset: startOf(answer), checksum: checksumOf(known), bytes: answer };
    },
    // Each request has a connection of its own, which ends with it.
    close: () => {},
  };
}

function toRemoteFile(key: string, file: HubFile, root: string, commit: string): RemoteFile {
  const isBelow = root !== "" && file.path.startsWith(`${root}/`);
  return {
    key,
    name: isBelow ? file.path.slice(root.length + 1) : file.path,
    sizeBytes: file.sizeBytes,
    version: file.sha256 ?? file.blobId ?? commit,
  };
}

/** Whether the hub now names another content than it has listed. */
function isOther(file: HubFile, content: Omit<HubFile, "path">): boolean {
  const differs = (listed: string | undefined, now: string | undefined) =>
    listed !== undefined && now !== undefined && listed !== now;
  return differs(file.sha256, content.sha256) || differs(file.blobId, content.blobId);
}

function definedOf({ path: _, ...facts }: HubFile): Partial<HubFile> {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined));
}

function nameOf(parameters: StorageParameters, repository: string | undefined, path: string) {
  const what = `storage of type ${parameters.type}`;
  if (repository === undefined) return readHubName(path, what);
  const revision = parameters.text("revision") ?? "";
  checkRepository(repository, what);
  checkRevision(revision, what);
  return { repository, revision, path };
}

function readEndpoint(parameters: StorageParameters, { hubEndpoint }: HubSettings): string {
  const text = parameters.text("endpoint_url") ?? hubEndpoint;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.username !== "") {
    throw parameters.invalid("endpoint_url must be an http or https URL without a user");
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, "")}`;
}

/** The runtime's own token is for its own hub: whoever loads a model may name another one. */
function readToken(
  parameters: StorageParameters,
  endpoint: string,
  { hubEndpoint, hubToken }: HubSettings,
): string | undefined {
  const isOwnHub = new URL(endpoint).origin === new URL(hubEndpoint).origin;
  const token = (parameters.text("token") ?? (isOwnHub ? hubToken : undefined))?.trim();
  if (token === undefined || /^[\x21-\x7e]+$/.test(token)) return token;
  throw parameters.invalid("token must be printable ASCII without spaces");
}

/** Adds what the hub says, and what to do about it. */
function explain(error: unknown, what: string, hasToken: boolean): unknown {
  if (!(error instanceof WebStatusError) || !error.isOwn) return error;
  const { statusCode, headers } = error;
  if (statusCode !== 401 && statusCode !== 403 && statusCode !== 404) return error;
  const said = headers["x-error-message"];
  const reason = typeof said === "string" ? `: ${said.slice(0, 300)}` : `: status ${statusCode}`;
  const code = headers["x-error-code"];
  const isMissing = code === "RevisionNotFound" || code === "EntryNotFound";
  const isGated = code === "GatedRepo";
  const hint = isMissing
    ? ""
    : isGated
      ? "; accept its conditions on the hub, and set HF_TOKEN to a token of that account"
      : hasToken
        ? "; it does not exist, or the token may not read it"
        : "; it does not exist, or is private: set HF_TOKEN";
  return new RuntimeError("failed-precondition", `${what} cannot be pulled${reason}${hint}`, {
    cause: error,
  });
}
