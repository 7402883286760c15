import { join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { readSmallFile } from "../../base/read-small-file.ts";
import {
  readTritonConfig,
  tritonConfigName,
  versionsByPolicy,
} from "../../models/triton-config.ts";

/** Of the `versions` in the folder of a model, those that its config.pbtxt lets be served; all of them where it has
 *  none, or none that can be read: why, their loads will say. Throws "failed-precondition" if nothing is left. */
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
    `${file} wants the versions ${policy.versions.join(", ")} served, and there are ${versions.join(", ")}`,
  );
}
