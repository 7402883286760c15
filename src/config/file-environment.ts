import { readConfigFile } from "./file-entries.ts";
import type { Setting } from "./setting.ts";
import { settings } from "./settings.ts";

/** `env`, completed with the values of the settings file that it names: the address where a runtime of this
 *  environment listens may be only in that file. The runtime itself reports the file's problems. */
export async function fileEnvironment(env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const path = env[settings.config.env];
  if (!path) return env;
  const filled = { ...env };
  const rows = new Map(Object.entries<Setting>(settings));
  for (const { name, value } of (await readConfigFile(path)).entries) {
    const row = rows.get(name);
    if (row === undefined || filled[row.env]) continue;
    if (typeof value === "string" || typeof value === "number") filled[row.env] = String(value);
  }
  return filled;
}
