import { stat } from "node:fs/promises";
import { join } from "node:path";
import { RuntimeError } from "../base/errors.ts";
import { fromFileError } from "../base/files/file-errors.ts";
import { normalize } from "./contract/object-listing.ts";
import type { StorageParameters } from "./contract/parameters.ts";

/** The absolute path of a model in a Kubernetes volume mounted below `mounts`, in a folder named after its
 *  claim. Nothing is copied. Parameters: `name`, the claim. Throws "failed-precondition" if it is not mounted. */
export async function findInVolume(
  parameters: StorageParameters,
  path: string,
  mounts: string,
): Promise<string> {
  const name = parameters.required("name");
  if (!/^[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?$/.test(name)) {
    throw parameters.invalid(
      `'${name.slice(0, 100)}' is not the name of a persistent volume claim`,
    );
  }
  const volume = join(mounts, name);
  const found = await stat(volume).catch((error: unknown) => {
    throw fromFileError(error, `volume claim '${name}', expected at ${volume},`);
  });
  if (!found.isDirectory()) {
    throw new RuntimeError(
      "failed-precondition",
      `${volume} is not a folder: mount the claim there`,
    );
  }
  return join(volume, normalize(path, `the path in volume claim '${name}'`));
}
