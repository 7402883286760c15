import { readConfigFile } from "./config-file.ts";
import type { Setting } from "./setting.ts";
import { settings } from "./settings.ts";

/** `env`, with what the file that it names says in the variables that it leaves open: where a runtime of this
 *  environment listens may be in that file alone. What is wrong in it is for the runtime to tell. */
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
