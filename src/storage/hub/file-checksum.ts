import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Checksum } from "../contract/remote-storage.ts";
import type { HubFile } from "./hub-info.ts";

/** How to verify the content of a file: large ones have a SHA-256, the others git's name. Undefined if the hub has
 *  named neither. */
export function checksumOf({
  sha256,
  blobId,
  sizeBytes,
}: Pick<HubFile, "sha256" | "blobId" | "sizeBytes">): Checksum | undefined {
  if (sha256 !== undefined) return { algorithm: "sha256", digest: sha256 };
  if (blobId === undefined || sizeBytes === undefined) return undefined;
  const newHasher = () => {
    const hash = createHash("sha1").update(`blob ${sizeBytes}\0`);
    return {
      update: (bytes: Uint8Array) => void hash.update(bytes),
      digest: () => hash.digest("hex"),
    };
  };
  return { algorithm: "git-sha1", digest: blobId, newHasher };
}

/** What the headers of the hub's own response say of a file's content: the tag of a large file, which may lie on
 *  another server, comes first. */
export function contentOf(headers: IncomingHttpHeaders): Omit<HubFile, "path"> {
  const linked = headers["x-linked-etag"];
  const isLarge = typeof linked === "string";
  const tag = (isLarge ? linked : (headers.etag ?? ""))
    .replace(/^(?:W\/)?"?/, "")
    .replace(/"$/, "");
  const length = isLarge ? headers["x-linked-size"] : headers["content-length"];
  const sizeBytes =
    typeof length === "string" && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  return {
    sizeBytes,
    sha256: /^[\da-f]{64}$/.test(tag) ? tag : undefined,
    blobId: /^[\da-f]{40}$/.test(tag) ? tag : undefined,
  };
}
