import { RuntimeError } from "../base/errors.ts";
import type { RemoteListing, RemoteStorage } from "./contract/remote-storage.ts";

const suffix = ".sig";

/** Adds to the listing of a single file at `path` the signature that is stored beside it, if there is one. That of a
 *  folder is in the folder. Rejects like `RemoteStorage.list`. */
export async function withSignature(
  listing: RemoteListing,
  { storage, path, signal }: { storage: RemoteStorage; path: string; signal: AbortSignal },
): Promise<RemoteListing> {
  const [file] = listing.files;
  if (listing.isFolder || file === undefined || listing.files.length > 1) return listing;
  try {
    const beside = storage.listBeside?.(path, suffix, signal);
    const { isFolder, files } = await (beside ?? storage.list(`${path}${suffix}`, signal));
    const [signature] = files;
    if (isFolder || signature === undefined) return listing;
    return { isFolder, files: [file, { ...signature, name: `${file.name}${suffix}` }] };
  } catch (error) {
    // It does not exist, or may not be read: then there is none.
    if (error instanceof RuntimeError && error.kind === "failed-precondition") return listing;
    throw error;
  }
}
