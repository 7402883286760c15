import type { SettingRows } from "../setting.ts";

/** The rows of src/config/settings.ts for polling the local repository. */
export const pollingSettings = {
  "repository-poll-seconds": {
    env: "REPOSITORY_POLL_SECONDS",
    type: "number",
    default: 0,
    min: 0,
    max: 86_400,
    doc: "how often the model repository is searched for new, changed and removed models and versions, in seconds; files count when two polls in a row have found them unchanged; 0 is never; of no effect if ModelMesh owns the lifecycle",
  },
} as const satisfies SettingRows;
