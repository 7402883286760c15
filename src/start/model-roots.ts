import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Config } from "../config/config.ts";
import { isStorageUri } from "../config/hosting/named-models.ts";

/** The directories that models may be read from: those that were set, and those of the models that the operator named,
 *  where a file may have weights and settings beside it. */
export async function modelRoots({
  modelRoots: set,
  namedModels,
}: Pick<Config, "modelRoots" | "namedModels">): Promise<string[]> {
  const local = namedModels.map(({ path }) => path).filter((path) => !isStorageUri(path));
  const named = local.map(async (path) => {
    // What is missing is reported by its load.
    const found = await stat(path).catch(() => undefined);
    return found?.isFile() ? dirname(path) : path;
  });
  return [...new Set([...set, ...(await Promise.all(named))])];
}
