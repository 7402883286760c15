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

/** By value: version 10 is above version 9. */
export function compareVersions(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}
