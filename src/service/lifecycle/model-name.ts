import { RuntimeError } from "../../base/errors.ts";

/** Ids with this character are refused, so no client can send it. Versions of the local repository use it in
 *  their ids, and never collide with ids from ModelMesh. */
const separator = "\0";

/** The id of the record that holds one version of a model; `version` "" means a model without versions. */
export function versionedId(name: string, version: string): string {
  return version === "" ? name : `${name}${separator}${version}`;
}

export function splitVersionedId(id: string): { readonly name: string; readonly version: string } {
  const at = id.indexOf(separator);
  return at < 0 ? { name: id, version: "" } : { name: id.slice(0, at), version: id.slice(at + 1) };
}

/** For messages and logs. */
export function labelOf(id: string): string {
  return id.replace(separator, "' version '");
}

/** Throws "invalid-argument" if a client sends an id of the form that versions of the local repository have. */
export function refuseInnerId(id: string): void {
  if (!id.includes(separator)) return;
  throw new RuntimeError("invalid-argument", "modelId contains a NUL character");
}
