import type { GetFilesResponse, Storage, StorageOptions } from "@google-cloud/storage";
import { loadSdk } from "../base/load-sdk.ts";
import { listModel, type StoredObject } from "./contract/object-listing.ts";
import { withPageTimeout } from "./contract/page-timeout.ts";
import type { StorageParameters } from "./contract/parameters.ts";
import type { Checksum, Hasher, RemoteStorage } from "./contract/remote-storage.ts";
import { toStorageError } from "./contract/store-errors.ts";

type Interceptor = Storage["interceptors"][number];

const publicEndpoint = "https://storage.googleapis.com";

/** Google Cloud Storage. Parameters: `bucket`; `private_key` and `client_email` of a service account (and its
 *  `token_uri`), without which the bucket must be public; `endpoint_url`, for other servers of the same
 *  protocol. */
export async function openGcs(
  parameters: StorageParameters,
  idleTimeoutMs: number,
): Promise<RemoteStorage> {
  const bucketName = parameters.required("bucket");
  const options = clientOptions(parameters);
  const sdk = await loadSdk("@google-cloud/storage", "8", () => import("@google-cloud/storage"));
  const storage: Storage = new sdk.Storage(options);
  // The SDK keeps idle connections in a process-wide pool, where they cannot be closed.
  const endConnection = (request: { headers?: object }) => ({
    ...request,
    forever: false,
    headers: { ...request.headers, connection: "close" },
  });
  storage.interceptors.push({ request: endConnection } as unknown as Interceptor);
  const bucket = storage.bucket(bucketName);
  const origin = `gcs ${options.apiEndpoint ?? publicEndpoint}/${bucketName}`;
  /** Of the listed objects, by key. Objects composed of others have no MD5. */
  const checksums = new Map<string, Checksum>();
  const newHasher = (): Hasher => {
    const crc = new sdk.CRC32C();
    return {
      // The SDK declares a Buffer, and reads bytes.
      update: (bytes) => crc.update(bytes as Buffer),
      digest: () => crc.toBuffer().toString("hex"),
    };
  };
  let isClosed = false;

  async function* objects(
    prefix: string,
    atMost: number,
    signal: AbortSignal,
  ): AsyncGenerator<StoredObject> {
    let query: object | null | undefined = { maxResults: Math.min(atMost, 1000) };
    while (query !== null && query !== undefined) {
      const page: Promise<GetFilesResponse> = bucket.getFiles({
        ...query,
        prefix,
        autoPaginate: false,
      });
      const [files, next] = await withPageTimeout(page, idleTimeoutMs, signal);
      for (const { name, metadata } of files) {
        const { size, generation, md5Hash, crc32c } = metadata;
        if (md5Hash !== undefined) {
          checksums.set(name, { algorithm: "md5", digest: toHex(md5Hash) });
        } else if (crc32c !== undefined) {
          checksums.set(name, { algorithm: "crc32c", digest: toHex(crc32c), newHasher });
        }
        const version = generation === undefined ? undefined : String(generation);
        yield { key: name, sizeBytes: Number(size ?? 0), version };
      }
      query = next;
    }
  }

  return {
    origin,
    list: (path, signal) => {
      const what = `gs://${bucketName}/${path}`;
      const list = (prefix: string, atMost: number) => objects(prefix, atMost, signal);
      return listModel(list, path, what).catch((error: unknown) => {
        throw toStorageError(error, what);
      });
    },
    open: async ({ key, version }, offset) => {
      if (isClosed) throw new Error("the storage has been closed");
      const checksum = checksums.get(key);
      const file = bucket.file(key, version === undefined ? {} : { generation: version });
      const bytes = file.createReadStream({
        decompress: false,
        // We check what the store has named; otherwise the SDK checks what arrives in one piece.
        ...(offset > 0 ? { start: offset } : checksum === undefined ? {} : { validation: false }),
      });
      return { offset, checksum, bytes };
    },
    // Connections end with the streams that use them.
    close: () => {
      isClosed = true;
    },
  };
}

function clientOptions(parameters: StorageParameters): StorageOptions {
  const endpoint = parameters.text("endpoint_url");
  const account = parameters.together("private_key", "client_email");
  const tokenUri = parameters.text("token_uri");
  return {
    // The puller itself counts attempts.
    retryOptions: { autoRetry: false, maxRetries: 0 },
    // Otherwise the SDK would search the environment for a project.
    projectId: "none",
    ...(account === undefined
      ? // Named endpoints are not given credentials, which is how to have none.
        { apiEndpoint: endpoint ?? publicEndpoint }
      : {
          ...(endpoint === undefined ? {} : { apiEndpoint: endpoint }),
          useAuthWithCustomEndpoint: true,
          credentials: {
            type: "service_account",
            ...account,
            ...(tokenUri === undefined ? {} : { token_uri: tokenUri }),
          },
        }),
  };
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
