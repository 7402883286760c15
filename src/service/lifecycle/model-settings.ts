import { RuntimeError } from "../../base/errors.ts";
import { inferenceSettings, type RunSettings } from "../../config/run-settings.ts";

type SettingRow = keyof typeof inferenceSettings;

/** A setting in a model's own file or key. It means what the row of src/config/settings.ts means for all models. */
export interface ModelSettingField {
  /** The way to it from the top of the document. */
  readonly path: readonly string[];
  readonly setting: Exclude<keyof RunSettings, "promisesRows">;
  readonly row: SettingRow;
}

/** In the names and the nesting of Triton's model configuration, as far as that has them. All are
 *  integers from 0 on. */
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
];

type Document = Readonly<Record<string, unknown>>;

/** What a model's settings file says. Throws RuntimeError "invalid-argument" with the name of the field
 *  for anything that is not a setting: a misspelt one would otherwise go unseen. */
export function parseSettingsFile(text: string, where: string): Partial<RunSettings> {
  let document: unknown;
  try {
    // Editors of Windows begin files with a byte order mark.
    document = JSON.parse(text.replace(/^\ufeff/, ""));
  } catch (error) {
    throw invalid(`${where} is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(document)) throw invalid(`${where} must be a JSON object`);
  refuseUnknown(document, [], where);
  return readSettings(document, where);
}

/** What a modelKey says, among much else that is none of our business. Throws "invalid-argument" if one of
 *  the settings has a value that it cannot have. */
export function readSettings(document: Document, where: string): Partial<RunSettings> {
  const settings: Partial<Record<ModelSettingField["setting"], number>> = {};
  for (const { path, setting, row } of modelSettingFields) {
    const { max } = inferenceSettings[row];
    const value = valueAt(document, path, where);
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > max) {
      throw invalid(
        `${where}: ${path.join(".")} is ${JSON.stringify(value)}, expected an integer from 0 to ${max}`,
      );
    }
    settings[setting] = value as number;
  }
  return settings;
}

/** What holds for a model whose own settings are `own`. */
export function withOwnSettings(defaults: RunSettings, own: Partial<RunSettings>): RunSettings {
  // The default is a limit, and speaks of no model; one's own says that its rows may be joined.
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
  for (const [name, value] of Object.entries(document)) {
    const known = below.filter(({ path }) => path[depth] === name);
    const path = [...prefix, name];
    if (known.length === 0) {
      const names = [...new Set(below.map((field) => field.path[depth]))].join(", ");
      throw invalid(`${where}: ${path.join(".")} is no setting; expected ${names}`);
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
