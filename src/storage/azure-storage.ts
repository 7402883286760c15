import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { ContainerClient, RequestPolicyFactory } from "@azure/storage-blob";
import { loadSdk } from "../base/load-sdk.ts";
import { listModel, type StoredObject } from "./contract/object-listing.ts";
import { withPageTimeout } from "./contract/page-timeout.ts";
import type { StorageParameters } from "./contract/parameters.ts";
import type { Checksum, RemoteBody, RemoteStorage } from "./contract/remote-storage.ts";
import { toStorageError } from "./contract/store-errors.ts";

/** Azure Blob Storage. Parameters: `container`; either `connection_string` or `account_name` (or
 *  `endpoint_url`, the account's own URL); for containers that are not public also `client_id`, `client_secret`
 *  and `tenant_id`. */
export async function openAzure(
  parameters: StorageParameters,
  idleTimeoutMs: number,
): Promise<RemoteStorage> {
  const { container, close } = await openContainer(parameters);
  const origin = `azure ${withoutQuery(container.url)}`;

  async function* objects(
    prefix: string,
    atMost: number,
    abortSignal: AbortSignal,
  ): AsyncGenerator<StoredObject> {
    const settings = { maxPageSize: Math.min(atMost, 1000) };
    const pages = container.listBlobsFlat({ prefix, abortSignal }).byPage(settings);
    for (;;) {
      const { done, value: page } = await withPageTimeout(pages.next(), idleTimeoutMs, abortSignal);
      if (done === true) return;
      for (const { name, properties } of page.segment.blobItems) {
        yield { key: name, sizeBytes: properties.contentLength ?? 0, version: properties.etag };
      }
    }
  }

  return {
    origin,
    list: (path, signal) => {
      const what = `${origin}/${path}`;
      const list = (prefix: string, atMost: number) => objects(prefix, atMost, signal);
      return listModel(list, path, what).catch((error: unknown) => {
        throw toStorageError(error, what);
      });
    },
    open: async ({ key, version }, offset, abortSignal) => {
      const answer = await container.getBlobClient(key).download(offset, undefined, {
        abortSignal,
        // The puller itself resumes broken transfers.
        maxRetryRequests: 0,
        ...(version === undefined ? {} : { conditions: { ifMatch: version } }),
      });
      const { readableStreamBody, contentMD5, blobContentMD5 } = answer;
      if (readableStreamBody === undefined) throw new Error("the response has no body");
      return {
        offset,
        checksum: toChecksum(offset === 0 ? (blobContentMD5 ?? contentMD5) : blobContentMD5),
        bytes: readableStreamBody as NodeJS.ReadableStream & RemoteBody["bytes"],
      };
    },
    close,
  };
}

async function openContainer(
  parameters: StorageParameters,
): Promise<{ readonly container: ContainerClient; close(): void }> {
  const sdk = await loadSdk("@azure/storage-blob", "12", () => import("@azure/storage-blob"));
  const { url, credential } = await openAccount(sdk, parameters);
  // The puller itself counts attempts.
  const pipeline = sdk.newPipeline(credential, { retryOptions: { maxTries: 1 } });
  // Otherwise the SDK keeps idle connections that cannot be closed.
  const agent = url.startsWith("https:")
    ? new HttpsAgent({ keepAlive: true })
    : new HttpAgent({ keepAlive: true });
  const withAgent: RequestPolicyFactory = {
    create: (next) => ({
      sendRequest: (request) => {
        request.agent = agent;
        return next.sendRequest(request);
      },
    }),
  };
  pipeline.factories.push(withAgent);
  return { container: new sdk.ContainerClient(url, pipeline), close: () => agent.destroy() };
}

/** The container's URL, and its credential. */
async function openAccount(
  sdk: typeof import("@azure/storage-blob"),
  parameters: StorageParameters,
): Promise<Pick<ContainerClient, "url" | "credential">> {
  const name = parameters.required("container");
  const connection = parameters.text("connection_string");
  if (connection !== undefined) {
    try {
      return new sdk.ContainerClient(connection, name);
    } catch {
      // The SDK's message may quote the string, which contains a key.
      throw parameters.invalid("connection_string is not a valid connection string");
    }
  }
  const url = `${accountUrl(parameters)}/${encodeURIComponent(name)}`;
  const principal = parameters.together("client_id", "client_secret", "tenant_id");
  if (principal === undefined) return { url, credential: new sdk.AnonymousCredential() };
  const identity = await loadSdk("@azure/identity", "4", () => import("@azure/identity"));
  const { tenant_id: tenant, client_id: client, client_secret: secret } = principal;
  return { url, credential: new identity.ClientSecretCredential(tenant, client, secret) };
}

function accountUrl(parameters: StorageParameters): string {
  const endpoint = parameters.text("endpoint_url");
  if (endpoint !== undefined) {
    if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint)) {
      throw parameters.invalid("endpoint_url must be a URL that starts with http:// or https://");
    }
    return endpoint.replace(/\/+$/, "");
  }
  const account = parameters.required("account_name");
  // The name becomes part of a hostname.
  if (!/^[a-z0-9]{3,24}$/.test(account)) {
    throw parameters.invalid("account_name must be 3 to 24 lower-case letters and digits");
  }
  return `https://${account}.blob.core.windows.net`;
}

function toChecksum(md5: Uint8Array | undefined): Checksum | undefined {
  if (md5 === undefined || md5.length === 0) return undefined;
  return { algorithm: "md5", digest: Buffer.from(md5).toString("hex") };
}

/** A shared access signature is a secret. */
function withoutQuery(url: string): string {
  return url.split("?", 1)[0] ?? url;
}
