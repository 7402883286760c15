import { printable, RuntimeError } from "../../base/errors.ts";
import type { Translate } from "./translation.ts";

/** By the names of the formats. A translator is imported when it is needed: a process has one format. */
export const translators: Readonly<Record<string, () => Promise<Translate>>> = {
  catboost: async () =>
    inOneLine((await import("./catboost/translate-catboost.ts")).translateCatboost),
  lightgbm: async () =>
    inOneLine((await import("./lightgbm/translate-lightgbm.ts")).translateLightgbm),
  sklearn: async () => inOneLine((await import("./sklearn/translate-sklearn.ts")).translateSklearn),
  xgboost: async () => inOneLine((await import("./xgboost/translate-xgboost.ts")).translateXgboost),
};

/** Refusals quote names and values of files, which may hold anything. */
function inOneLine(translate: Translate): Translate {
  return (file, options) => {
    try {
      return translate(file, options);
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      throw new RuntimeError(error.kind, printable(error.message), { cause: error.cause });
    }
  };
}
