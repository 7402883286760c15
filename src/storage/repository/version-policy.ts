import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { readSmallFile } from "../../base/files/read-small-file.ts";
import {
  readTritonConfig,
  tritonConfigName,
  versionsByPolicy,
} from "../../models/triton-config.ts";

/** Those of the `versions` in a model's folder that its config.pbtxt allows; all of them if there is no such
 *  file, or it cannot be read: their loads will report why. Throws "failed-precondition" if none is left. */
export async function versionsToServe(
  folder: string,
  versions: readonly string[],
): Promise<readonly string[]> {
  const file = join(folder, tritonConfigName);
  let policy: ReturnType<typeof readTritonConfig>["versionPolicy"];
  try {
    policy = readTritonConfig(await readSmallFile(file), file).versionPolicy;
  } catch {
    return versions;
  }
  if (policy === undefined) return versions;
  const served = versionsByPolicy(policy, versions);
  if (served.length > 0 || policy.tag !== "specific") return served;
  throw new RuntimeError(
    "failed-precondition",
    `${file} serves only the versions ${policy.versions.join(", ")}, but the folder has ${versions.join(", ")}`,
  );
}
