import { RuntimeError } from "../../base/errors.ts";
import { inferenceSettings, type RunSettings } from "../../config/run-settings.ts";
import type { Setting } from "../../config/setting.ts";
import { readVersionChoice, versionFields } from "../../models/version-choice.ts";

type SettingRow = keyof typeof inferenceSettings;

/** A setting in a model's own file or key. It has the meaning that its row in src/config/settings.ts has for
 *  all models. */
export interface ModelSettingField {
  /** The path from the top of the document. */
  readonly path: readonly string[];
  readonly setting: Exclude<keyof RunSettings, "promisesRows">;
  readonly row: SettingRow;
}

/** Names and nesting follow Triton's model configuration where that has the setting. Values are integers of at
 *  least 0, of a choice, or texts. */
export const modelSettingFields: readonly ModelSettingField[] = [
  { path: ["max_batch_size"], setting: "maxBatchSize", row: "max-batch-size" },
  { path: ["max_concurrency"], setting: "maxConcurrency", row: "limit-per-model-concurrency" },
  { path: ["warmup_batch_size"], setting: "warmupBatchSize", row: "warmup-batch-size" },
  { path: ["intra_op_thread_count"], setting: "threads", row: "intra-op-threads" },
  { path: ["run_timeout_ms"], setting: "maxRunMs", row: "run-timeout" },
  {
    path: ["dynamic_batching", "max_queue_delay_microseconds"],
    setting: "maxQueueDelayMicroseconds",
    row: "max-queue-delay",
  },
  {
    path: ["dynamic_batching", "default_queue_policy", "max_queue_size"],
    setting: "maxQueueSize",
    row: "max-queue-size",
  },
  {
    path: ["dynamic_batching", "default_queue_policy", "max_queue_wait_ms"],
    setting: "maxQueueWaitMs",
    row: "max-queue-wait",
  },
  {
    path: ["dynamic_batching", "default_queue_policy", "default_timeout_microseconds"],
    setting: "queueTimeoutMicroseconds",
    row: "queue-timeout",
  },
  { path: ["output_names"], setting: "outputNames", row: "output-names" },
  { path: ["boosting_rounds"], setting: "rounds", row: "boosting-rounds" },
  { path: ["task"], setting: "textTask", row: "text-task" },
  { path: ["max_tokens"], setting: "textMaxTokens", row: "text-max-tokens" },
  { path: ["weights"], setting: "textWeights", row: "text-weights" },
  { path: ["onnx_file"], setting: "onnxFile", row: "onnx-file" },
];

type Document = Readonly<Record<string, unknown>>;

export interface SettingsFile {
  readonly settings: Partial<RunSettings>;
  /** Fields that are of all versions of a model together: those of them that it has. */
  readonly versionFields: readonly string[];
}

/** What is in a model's settings file. Throws RuntimeError "invalid-argument" with the field's name for
 *  anything that is not a setting: otherwise a misspelt one would go unnoticed. */
export function parseSettingsFile(text: string, where: string): SettingsFile {
  let document: unknown;
  try {
    // Windows editors start files with a byte order mark.
    document = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw invalid(`${where} is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(document)) throw invalid(`${where} must be a JSON object`);
  refuseUnknown(document, [], where);
  readVersionChoice(document, where);
  return {
    settings: readSettings(document, where),
    versionFields: versionFields.filter((field) => Object.hasOwn(document, field)),
  };
}

/** The settings in a modelKey, which also has fields of other programs. Throws "invalid-argument" if a setting
 *  has an invalid value. */
export function readSettings(document: Document, where: string): Partial<RunSettings> {
  const settings: Partial<Record<ModelSettingField["setting"], unknown>> = {};
  for (const { path, setting, row } of modelSettingFields) {
    const value = valueAt(document, path, where);
    if (value === undefined) continue;
    const expected = unlessValid(value, inferenceSettings[row]);
    if (expected !== undefined) {
      throw invalid(
        `${where}: ${path.join(".")} is ${JSON.stringify(value)}, expected ${expected}`,
      );
    }
    settings[setting] = value;
  }
  return settings as Partial<RunSettings>;
}

/** What a value should have been; undefined if it is valid. */
function unlessValid(value: unknown, row: Setting): string | undefined {
  if (row.choices !== undefined) {
    return row.choices.some((choice) => choice === value)
      ? undefined
      : `one of ${row.choices.join(", ")}`;
  }
  if (row.type === "text") {
    return typeof value === "string" && value !== "" ? undefined : "a text that is not empty";
  }
  const { max = Number.MAX_SAFE_INTEGER } = row;
  const isValid = Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
  return isValid ? undefined : `an integer from 0 to ${max}`;
}

/** The effective settings of a model whose own settings are `own`. */
export function withOwnSettings(defaults: RunSettings, own: Partial<RunSettings>): RunSettings {
  // The default is a limit and no statement about any model; a model's own setting says that its rows may be
  // joined.
  return { ...defaults, ...own, promisesRows: (own.maxBatchSize ?? 0) > 0 };
}

function valueAt(document: Document, path: readonly string[], where: string): unknown {
  let value: unknown = document;
  for (const name of path) {
    if (!isObject(value)) {
      throw invalid(`${where}: ${path.slice(0, path.indexOf(name)).join(".")} must be an object`);
    }
    value = Object.hasOwn(value, name) ? value[name] : undefined;
    if (value === undefined) return undefined;
  }
  return value;
}

function refuseUnknown(document: Document, prefix: readonly string[], where: string): void {
  const depth = prefix.length;
  const below = modelSettingFields.filter(({ path }) =>
    prefix.every((name, at) => path[at] === name),
  );
  const ofVersions: readonly string[] = depth === 0 ? versionFields : [];
  for (const [name, value] of Object.entries(document)) {
    if (ofVersions.includes(name)) continue;
    const known = below.filter(({ path }) => path[depth] === name);
    const path = [...prefix, name];
    if (known.length === 0) {
      const names = [...new Set([...below.map((field) => field.path[depth]), ...ofVersions])].join(
        ", ",
      );
      throw invalid(`${where}: unknown setting ${path.join(".")}: expected one of ${names}`);
    }
    if (isObject(value) && known.some((field) => field.path.length > path.length)) {
      refuseUnknown(value, path, where);
    }
  }
}

function isObject(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
