import { RuntimeError } from "../base/errors.ts";
import { readHubName } from "./hub/hub-name.ts";
import type { LocalArchive } from "./local-archive.ts";

/** The place to pull a model from, as the load request names it. Not validated yet. */
export interface StorageLocation {
  /** The model's path in the store; "" is all of it. */
  readonly path: string;
  /** Names a file of the storage configuration; undefined for the default one, if there is any. */
  readonly storageKey: string | undefined;
  /** These take precedence over that file's fields; a name with dots is a nested field. */
  readonly parameters: Readonly<Record<string, string>>;
  /** An archive on this machine: it is unpacked, and nothing else counts. */
  readonly localArchive?: LocalArchive;
}

const azureHostSuffix = ".blob.core.windows.net";

/** Reads `storage_key`, `storage_params` and the older `bucket` of a modelKey, and paths that are storage URIs.
 *  Undefined if the model is local. `what` names the model in messages. Throws "invalid-argument". */
export function readStorageLocation(
  path: string,
  key: Readonly<Record<string, unknown>>,
  what: string,
): StorageLocation | undefined {
  const storageKey = optionalText(key, "storage_key", what);
  const bucket = optionalText(key, "bucket", what);
  const given = readParameters(key["storage_params"], what);
  const uri = /^[a-z][a-z0-9+.-]*:\/\//i.test(path) ? readStorageUri(path, what) : undefined;
  if (
    uri === undefined &&
    storageKey === undefined &&
    given === undefined &&
    bucket === undefined
  ) {
    return undefined;
  }
  return {
    path: uri?.path ?? path,
    storageKey,
    parameters: { ...(bucket === undefined ? {} : { bucket }), ...given, ...uri?.parameters },
  };
}

/** Reads it like the ModelMesh controller reads the `storageUri` of an InferenceService. */
function readStorageUri(
  text: string,
  what: string,
): { readonly path: string; readonly parameters: Readonly<Record<string, string>> } {
  const named = readNamedUri(text, what);
  if (named !== undefined) return named;
  if (!URL.canParse(text)) throw invalid(`${what} is not a valid storage URI`);
  const uri = new URL(text);
  // For schemes other than http, URL keeps the hostname as it was written.
  const host = decode(uri.hostname, what);
  const path = decode(uri.pathname, what).replace(/^\/+/, "");
  switch (uri.protocol) {
    case "s3:":
      return { path, parameters: { type: "s3", bucket: host } };
    case "gs:":
      return { path, parameters: { type: "gcs", bucket: host } };
    case "pvc:":
      return { path, parameters: { type: "pvc", name: host } };
    case "http:":
    case "https:": {
      if (!host.endsWith(azureHostSuffix)) {
        return { path: "", parameters: { type: "http", url: text } };
      }
      const [container = "", ...rest] = path.split("/");
      const account = host.slice(0, host.indexOf("."));
      return {
        path: rest.join("/"),
        parameters: { type: "azure", account_name: account, container },
      };
    }
    default:
      throw invalid(
        `${what} has the scheme '${uri.protocol.slice(0, -1)}', expected s3, gs, hf, oci, pvc, http or https`,
      );
  }
}

/** URIs that are names rather than addresses: their parts are not those of a URL. */
function readNamedUri(text: string, what: string) {
  const [, scheme = "", name = ""] = /^([a-z]+):\/\/(.*)$/is.exec(text) ?? [];
  switch (scheme.toLowerCase()) {
    case "hf": {
      const { path, ...parameters } = readHubName(decode(name, what), what);
      return { path, parameters: { type: "hf", ...parameters } };
    }
    case "oci":
      return { path: "", parameters: { type: "oci", reference: name } };
    default:
      return undefined;
  }
}

function decode(text: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(
      `${what} has a percent sign without an encoded character: write %25 for a percent sign`,
    );
  }
}

function readParameters(
  value: unknown,
  what: string,
): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined;
  const isObject = typeof value === "object" && !Array.isArray(value);
  if (isObject && Object.values(value).every((each) => typeof each === "string")) {
    return value as Record<string, string>;
  }
  throw invalid(`storage_params in the modelKey of ${what} must be an object of strings`);
}

function optionalText(
  key: Readonly<Record<string, unknown>>,
  name: string,
  what: string,
): string | undefined {
  const value = key[name];
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value === "string") return value;
  throw invalid(`${name} in the modelKey of ${what} must be a string`);
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
