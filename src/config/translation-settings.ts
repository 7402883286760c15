import { join, resolve } from "node:path";
import type { SettingRows } from "./setting.ts";

/** Where ONNX models go that are made of files of other libraries. */
export interface TranslationLimits {
  /** Absolute. Other runtimes may share it. */
  readonly directory: string;
  /** Of all files in it; 0: nothing is kept. */
  readonly limitBytes: number;
  readonly timeoutMs: number;
}

const MiB = 1024 * 1024;

/** The rows of src/config/settings.ts for translations. */
export const translationSettings = {
  "translation-cache-dir": {
    env: "TRANSLATION_CACHE_DIR",
    type: "text",
    default: "",
    defaultText: "_translated in ROOT_MODEL_DIR",
    doc: "directory for the ONNX models that are made of XGBoost, LightGBM, CatBoost and scikit-learn files; several runtimes may share it; where it cannot be written, a temporary one",
  },
  "translation-cache-size": {
    env: "TRANSLATION_CACHE_BYTES",
    type: "integer",
    unit: "bytes",
    default: 1024 * MiB,
    min: 0,
    doc: "disk space for these models; those that are not in use and were not used for the longest time are removed; 0 keeps none",
  },
  "translation-timeout": {
    env: "TRANSLATION_TIMEOUT",
    type: "integer",
    unit: "ms",
    default: 60_000,
    min: 100,
    max: 2 ** 31 - 1,
    doc: "time limit for translating one file, within that of its load",
  },
} as const satisfies SettingRows;

type Raw = Readonly<Record<keyof typeof translationSettings, string | number | undefined>>;

export function readTranslationSettings(raw: Raw, rootModelDirectory: string): TranslationLimits {
  return {
    directory: resolve(
      String(raw["translation-cache-dir"] || join(rootModelDirectory, "_translated")),
    ),
    limitBytes: Number(raw["translation-cache-size"]),
    timeoutMs: Number(raw["translation-timeout"]),
  };
}
