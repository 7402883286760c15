import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { Readable } from "node:stream";
import { rootCertificates } from "node:tls";
import type { GetObjectCommandOutput, S3ClientConfig } from "@aws-sdk/client-s3";
import { loadSdk } from "../base/load-sdk.ts";
import { listModel, type StoredObject } from "./object-listing.ts";
import type { Checksum, RemoteStorage } from "./remote-storage.ts";
import { toStorageError } from "./storage-errors.ts";
import type { StorageParameters } from "./storage-parameters.ts";

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

/** Only checksums of the whole object help: those of multipart uploads are computed from those of the parts. */
function checksumOf(answer: GetObjectCommandOutput, bucket: string): Checksum | undefined {
  if (answer.ChecksumType !== "COMPOSITE" && answer.ContentRange === undefined) {
    const { ChecksumSHA256, ChecksumSHA1, ChecksumCRC32 } = answer;
    if (ChecksumSHA256) return { algorithm: "sha256", digest: toHex(ChecksumSHA256) };
    if (ChecksumSHA1) return { algorithm: "sha1", digest: toHex(ChecksumSHA1) };
    if (ChecksumCRC32) return { algorithm: "crc32", digest: toHex(ChecksumCRC32) };
  }
  const { ETag = "", ServerSideEncryption = "AES256", SSECustomerAlgorithm } = answer;
  // The ETag is the MD5 of an object uploaded in one piece, unless it is encrypted with a key that is not S3's
  // own. Directory buckets have random ETags.
  const isMd5 =
    ServerSideEncryption === "AES256" &&
    SSECustomerAlgorithm === undefined &&
    !bucket.endsWith("--x-s3");
  const digest = /^"?([0-9a-f]{32})"?$/i.exec(ETag)?.[1];
  return isMd5 && digest !== undefined
    ? { algorithm: "md5", digest: digest.toLowerCase() }
    : undefined;
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
