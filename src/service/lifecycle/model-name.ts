import { RuntimeError } from "../../base/errors.ts";

/** No caller can send it: ids with it are refused. So versions of the local repository, whose records
 *  have ids of their own, never meet the ids that ModelMesh gives. */
const separator = "\0";

/** The id of the record that holds one version of a model; `version` "" stands for a model without. */
export function versionedId(name: string, version: string): string {
  return version === "" ? name : `${name}${separator}${version}`;
}

export function splitVersionedId(id: string): { readonly name: string; readonly version: string } {
  const at = id.indexOf(separator);
  return at < 0 ? { name: id, version: "" } : { name: id.slice(0, at), version: id.slice(at + 1) };
}

/** As messages and logs name it. */
export function labelOf(id: string): string {
  return id.replace(separator, "' version '");
}

/** Throws "invalid-argument" if a caller sends an id that only versions of the local repository have. */
export function refuseInnerId(id: string): void {
  if (!id.includes(separator)) return;
  throw new RuntimeError("invalid-argument", "modelId has a NUL character in it");
}
