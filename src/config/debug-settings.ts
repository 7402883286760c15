import type { SettingRows } from "./setting.ts";

export const debugEndpoints = ["off", "figures", "all"] as const;
export type DebugEndpoints = (typeof debugEndpoints)[number];

/** The /debug row of src/config/settings.ts. */
export const debugSettings = {
  "debug-endpoints": {
    env: "DEBUG_ENDPOINTS",
    type: "choice",
    choices: debugEndpoints,
    default: "figures",
    doc: "what /debug offers to clients that may load and unload: nothing; figures and the log level; or also CPU profiles and heap snapshots (which contain request data)",
  },
} as const satisfies SettingRows;
