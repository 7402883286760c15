import type { SettingRows } from "./setting.ts";

/** The rows of src/config/settings.ts for text models. */
export const textSettings = {
  "embedding-cache-size": {
    env: "EMBEDDING_CACHE_BYTES",
    type: "integer",
    unit: "bytes",
    default: 0,
    min: 0,
    doc: "memory for embeddings of texts that were asked for before, which are then answered without the model; 0 keeps none",
  },
} as const satisfies SettingRows;
