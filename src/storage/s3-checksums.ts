import { createRequire } from "node:module";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import type { Checksum, Hasher } from "./contract/remote-storage.ts";

/** As in @aws-sdk/checksums. */
interface SdkChecksum {
  update(bytes: Uint8Array): void;
  digest(): Promise<Uint8Array>;
}

interface SdkChecksums {
  readonly Crc32c: new () => SdkChecksum;
  readonly Crc64Nvme: new () => SdkChecksum;
}

/** The checksum of a whole object that S3 sent with it. That of an object uploaded in parts may be one of the
 *  parts' checksums, which nothing here can verify. */
export function checksumOf(answer: GetObjectCommandOutput, bucket: string): Checksum | undefined {
  if (answer.ChecksumType !== "COMPOSITE" && answer.ContentRange === undefined) {
    const { ChecksumSHA256, ChecksumSHA1, ChecksumCRC64NVME, ChecksumCRC32C, ChecksumCRC32 } =
      answer;
    if (ChecksumSHA256) return { algorithm: "sha256", digest: toHex(ChecksumSHA256) };
    if (ChecksumSHA1) return { algorithm: "sha1", digest: toHex(ChecksumSHA1) };
    if (ChecksumCRC64NVME) {
      const newHasher = () => hasherOf(new (sdkChecksums().Crc64Nvme)());
      return { algorithm: "crc64nvme", digest: toHex(ChecksumCRC64NVME), newHasher };
    }
    if (ChecksumCRC32C) {
      const newHasher = () => hasherOf(new (sdkChecksums().Crc32c)());
      return { algorithm: "crc32c", digest: toHex(ChecksumCRC32C), newHasher };
    }
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

/** The SDK verifies with these itself, but only what arrives in one piece. Resolved from the SDK, since not every
 *  package manager lets others see what it depends on. */
function sdkChecksums(): SdkChecksums {
  const sdk = createRequire(import.meta.url).resolve("@aws-sdk/client-s3");
  return createRequire(sdk)("@aws-sdk/checksums/crc") as SdkChecksums;
}

function hasherOf(checksum: SdkChecksum): Hasher {
  return {
    update: (bytes) => checksum.update(bytes),
    digest: async () => Buffer.from(await checksum.digest()).toString("hex"),
  };
}

function toHex(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}
