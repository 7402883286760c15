import type { Translate } from "./translation.ts";

/** By the names of the formats. A translator is imported when it is needed: a process has one format. */
export const translators: Readonly<Record<string, () => Promise<Translate>>> = {
  catboost: async () => (await import("./catboost/translate-catboost.ts")).translateCatboost,
  lightgbm: async () => (await import("./lightgbm/translate-lightgbm.ts")).translateLightgbm,
  sklearn: async () => (await import("./sklearn/translate-sklearn.ts")).translateSklearn,
  xgboost: async () => (await import("./xgboost/translate-xgboost.ts")).translateXgboost,
};
