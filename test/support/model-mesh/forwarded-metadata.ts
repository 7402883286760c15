import { Metadata } from "@grpc/grpc-js";

const ownNames = ["tas-model-id", "content-type", "user-agent"];
const ownPrefixes = ["mm-", "grpc-"];

/** What ModelMesh sends a runtime along with an inference: the caller's metadata less its own names, and
 *  the concrete model id, in binary always and as text where it is printable ASCII. */
export function forwardedMetadata(
  headers: Readonly<Record<string, string>>,
  modelId: string,
): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) {
    if (isOwnName(name)) continue;
    metadata.add(name, name.endsWith("-bin") ? Buffer.from(value) : value);
  }
  metadata.set("mm-model-id-bin", Buffer.from(modelId));
  if (/^[\x20-\x7e]*$/.test(modelId)) metadata.set("mm-model-id", modelId);
  return metadata;
}

/** ModelMesh compares only as many letters as the incoming name has, so that beginnings of its own names
 *  ("user", "content") are dropped as well. */
function isOwnName(name: string): boolean {
  if (ownPrefixes.some((prefix) => name.startsWith(prefix))) return true;
  return ownNames.some((own) => own.startsWith(name));
}
