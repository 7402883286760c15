import { RuntimeError } from "../../base/errors.ts";
import { normalize } from "../contract/object-listing.ts";
import type { StorageParameters } from "../contract/parameters.ts";
import type { Checksum, RemoteStorage } from "../contract/remote-storage.ts";
import { toStorageError } from "../contract/store-errors.ts";
import { startOf } from "../web/content-range.ts";
import { blobKey, filesOf } from "./layer-files.ts";
import { findLogin } from "./login.ts";
import {
  acceptedTypes,
  checkDigest,
  chooseManifest,
  isDigest,
  type Manifest,
  readManifest,
} from "./manifest.ts";
import { addressOf, readReference } from "./reference.ts";
import { RegistryClient } from "./registry-client.ts";

const maxManifestBytes = 4 * 1024 * 1024;
/** Of indexes in indexes. */
const maxDepth = 4;

/** An image or an artifact in a registry that speaks OCI's distribution protocol. Parameters: `reference`,
 *  "registry/repository[:tag][@digest]" (otherwise the path is it); `endpoint_url`, if the registry answers
 *  elsewhere; a login (see `findLogin`); `certificate`, a CA in PEM; `client_certificate` and `client_key`. */
export async function openRegistry(
  parameters: StorageParameters,
  settings: { readonly idleTimeoutMs: number; readonly dockerConfigDirectory: string | undefined },
): Promise<RemoteStorage> {
  const given = parameters.text("reference");
  if (given === undefined)
    throw parameters.invalid("reference is missing: registry/repository:tag");
  const reference = readReference(given);
  const { registry, repository, version } = reference;
  const found = await findLogin(parameters, reference, settings.dockerConfigDirectory);
  const base = readBase(parameters, registry);
  const client = new RegistryClient(
    parameters,
    { base, repository, found },
    settings.idleTimeoutMs,
  );
  const name = `${registry}/${repository}`;
  /** Of the listed blobs, by key. */
  const digests = new Map<string, string>();

  const fetchManifest = async (wanted: string, signal: AbortSignal): Promise<Manifest> => {
    const what = `${name}${isDigest(wanted) ? "@" : ":"}${wanted}`;
    const { body, headers } = await client.manifest(
      wanted,
      acceptedTypes,
      maxManifestBytes,
      signal,
    );
    const stated = headers["docker-content-digest"];
    const digest = isDigest(wanted) ? wanted : typeof stated === "string" ? stated : undefined;
    if (digest !== undefined && isDigest(digest))
      checkDigest(body, digest, `the manifest of ${what}`);
    return readManifest(body, headers["content-type"] ?? "", what);
  };

  const resolve = async (signal: AbortSignal) => {
    let manifest = await fetchManifest(version, signal);
    for (let depth = 0; manifest.kind === "index"; depth++) {
      if (depth === maxDepth) throw parameters.invalid("it is an index of indexes without end");
      const { digest } = chooseManifest(manifest.manifests, name);
      manifest = await fetchManifest(digest, signal);
    }
    return manifest;
  };

  return {
    origin: `oci ${name}`,
    list: async (path, signal) => {
      try {
        const manifest = await resolve(signal);
        const files = filesOf(manifest, normalize(path, name), name);
        if (files.length === 0) throw nothingIn(name, path);
        for (const [index, layer] of manifest.layers.entries()) {
          digests.set(blobKey(name, layer, index), layer.digest);
        }
        return { isFolder: true, files };
      } catch (error) {
        throw toStorageError(error, `${name}:${version}`);
      }
    },
    open: async ({ key }, offset, signal) => {
      const digest = digests.get(key);
      if (digest === undefined) throw new Error(`${key} has not been listed`);
      const answer = await client.blob(digest, offset, signal);
      return { offset: startOf(answer), checksum: toChecksum(digest), bytes: answer };
    },
    // Each request has a connection of its own, which ends with it.
    close: () => {},
  };
}

function toChecksum(digest: string): Checksum {
  const [algorithm, hex = ""] = digest.split(":");
  return { algorithm: algorithm === "sha512" ? "sha512" : "sha256", digest: hex };
}

function readBase(parameters: StorageParameters, registry: string): URL {
  const text = parameters.text("endpoint_url") ?? addressOf(registry);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && /^https?:$/.test(url.protocol)) return url;
  throw parameters.invalid("endpoint_url must be an http or https URL");
}

function nothingIn(name: string, path: string): RuntimeError {
  const where = path === "" ? "no files" : `nothing at '${path}'`;
  return new RuntimeError("failed-precondition", `${name} has ${where}, expected those of a model`);
}
