import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import type { S3ClientConfig } from "@aws-sdk/client-s3";
import { loadSdk } from "../base/load-sdk.ts";
import { listModel, type StoredObject } from "./contract/object-listing.ts";
import type { StorageParameters } from "./contract/parameters.ts";
import type { RemoteStorage } from "./contract/remote-storage.ts";
import { toStorageError } from "./contract/store-errors.ts";
import { checksumOf } from "./s3-checksums.ts";

const connectionTimeoutMs = 5_000;

/** S3 and compatible stores. Parameters: `bucket`; `access_key_id` and `secret_access_key` (and
 *  `session_token`), or `anonymous`, or else the identity that the SDK finds in its environment;
 *  `endpoint_url`, by default AWS; `region`; `certificate`, a CA in PEM. */
export async function openS3(
  parameters: StorageParameters,
  idleTimeoutMs: number,
): Promise<RemoteStorage> {
  const sdk = await loadSdk("@aws-sdk/client-s3", "3", () => import("@aws-sdk/client-s3"));
  const bucket = parameters.required("bucket");
  const endpoint = parameters.text("endpoint_url");
  const client = new sdk.S3Client(clientConfig(parameters, endpoint, idleTimeoutMs));
  const origin = `s3 ${endpoint ?? "aws"}/${bucket}`;

  async function* objects(
    prefix: string,
    atMost: number,
    abortSignal: AbortSignal,
  ): AsyncGenerator<StoredObject> {
    let token: string | undefined;
    do {
      const command = new sdk.ListObjectsV2Command({
        Bucket: bucket,
        Prefix: prefix,
        MaxKeys: Math.min(atMost, 1000),
        ...(token === undefined ? {} : { ContinuationToken: token }),
      });
      const page = await client.send(command, { abortSignal });
      for (const { Key, Size, ETag } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, sizeBytes: Size ?? 0, version: ETag };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  return {
    origin,
    list: (path, signal) => {
      const what = `s3://${bucket}/${path}`;
      const list = (prefix: string, atMost: number) => objects(prefix, atMost, signal);
      return listModel(list, path, what).catch((error: unknown) => {
        throw toStorageError(error, what);
      });
    },
    open: async (file, offset, abortSignal) => {
      const command = new sdk.GetObjectCommand({
        Bucket: bucket,
        Key: file.key,
        // The SDK itself checks what arrives in one piece.
        ...(offset === 0 ? { ChecksumMode: "ENABLED" } : { Range: `bytes=${offset}-` }),
        ...(file.version === undefined ? {} : { IfMatch: file.version }),
      });
      const answer = await client.send(command, { abortSignal });
      if (answer.Body === undefined) throw new Error("the response has no body");
      return {
        offset: answer.ContentRange === undefined ? 0 : offset,
        checksum: checksumOf(answer, bucket),
        bytes: answer.Body as Readable,
      };
    },
    close: () => client.destroy(),
  };
}

function clientConfig(
  parameters: StorageParameters,
  endpoint: string | undefined,
  idleTimeoutMs: number,
): S3ClientConfig {
  if (endpoint !== undefined && !/^https?:\/\//i.test(endpoint)) {
    throw parameters.invalid("endpoint_url must start with http:// or https://");
  }
  const certificate = parameters.text("certificate");
  const ca = certificate === undefined ? {} : { ca: [...rootCertificates, certificate] };
  return {
    region: parameters.text("region") ?? "us-east-1",
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...identity(parameters),
    // The puller itself counts attempts.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectionTimeoutMs,
      socketTimeout: idleTimeoutMs,
      httpAgent: new HttpAgent({ keepAlive: true }),
      httpsAgent: new HttpsAgent({ keepAlive: true, ...ca }),
    },
  };
}

function identity(parameters: StorageParameters): Pick<S3ClientConfig, "credentials" | "signer"> {
  const keys = parameters.together("access_key_id", "secret_access_key");
  if (keys !== undefined) {
    const sessionToken = parameters.text("session_token");
    return {
      credentials: {
        accessKeyId: keys.access_key_id,
        secretAccessKey: keys.secret_access_key,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      },
    };
  }
  if (!parameters.flag("anonymous")) return {};
  return {
    credentials: { accessKeyId: "", secretAccessKey: "" },
    signer: { sign: async (request) => request },
  };
}
