import { basename, dirname, join } from "node:path";
import { describeError, RuntimeError } from "../../base/errors.ts";
import { readSmallFile } from "../../base/files/read-small-file.ts";
import { SafePath } from "../../base/files/safe-path.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { ModelFile, ModelMetadata } from "../../engine/contract/engine.ts";
import { readTritonConfig, type TritonConfig, tritonMismatch } from "../../models/triton-config.ts";
import { parseSettingsFile } from "./model-settings.ts";

/** The settings in the files beside a model. */
export interface ModelConfiguration {
  /** From modelport.json, and where that has no value, from config.pbtxt. */
  readonly settings: Partial<RunSettings>;
  /** Whether the first dimension of the model's tensors counts rows; undefined if no file says so. */
  readonly isBatched: boolean | undefined;
  /** Class names, by output. */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  /** What config.pbtxt says, if there is one. */
  readonly triton: TritonConfig | undefined;
  /** Fields of it that have no effect here. */
  readonly ignored: readonly string[];
  /** Fields of modelport.json that are of all versions together. */
  readonly versionFields: readonly string[];
  /** Throws "invalid-argument" if config.pbtxt describes another model. */
  check(metadata: ModelMetadata): void;
}

/** For a model without such files. */
export const noConfiguration: ModelConfiguration = Object.freeze({
  settings: {},
  isBatched: undefined,
  labels: new Map(),
  triton: undefined,
  ignored: [],
  versionFields: [],
  check() {},
});

/** Throws RuntimeError "invalid-argument" if one of the files is malformed; otherwise throws like
 *  `readSmallFile`. */
export async function readModelConfiguration(model: ModelFile): Promise<ModelConfiguration> {
  const { settingsFile, tritonConfig } = model;
  const { settings: own, versionFields } =
    settingsFile === undefined
      ? { settings: {}, versionFields: [] }
      : parseSettingsFile(await readSmallFile(settingsFile.path), settingsFile.name);
  if (tritonConfig === undefined) return { ...noConfiguration, settings: own, versionFields };
  const where = tritonConfig.name;
  const config = readTritonConfig(await readSmallFile(tritonConfig.path), where);
  if (config.isForFil && model.format === "onnx") {
    const what = "backend is for models of other libraries, and the model is ONNX";
    throw new RuntimeError("invalid-argument", `${where}: ${what}`);
  }
  const ignored = [...config.ignored];
  if (config.modelFile !== undefined && config.modelFile !== basename(model.file)) {
    ignored.push("default_model_filename");
  }
  const labels = await readLabels(config, { model, folder: dirname(where), ignored });
  return {
    settings: { ...settingsOf(config), ...own },
    isBatched: config.maxBatchSize === undefined ? undefined : config.maxBatchSize > 0,
    labels,
    triton: config,
    ignored,
    versionFields,
    check(metadata) {
      const mismatch = tritonMismatch(config, metadata);
      if (mismatch !== undefined) {
        throw new RuntimeError("invalid-argument", `${where} describes another model: ${mismatch}`);
      }
    },
  };
}

const filNamings = { shares: "fil-proba", class: "fil-class", values: "fil" } as const;

function settingsOf(config: TritonConfig): Partial<RunSettings> {
  const { maxBatchSize, maxQueueDelayMicroseconds, maxQueueSize } = config;
  const { queueTimeoutMicroseconds, threads, isForFil, filAnswer } = config;
  return {
    ...(isForFil && { outputNames: filNamings[filAnswer] }),
    ...(maxBatchSize !== undefined && { maxBatchSize }),
    ...(maxQueueDelayMicroseconds !== undefined && { maxQueueDelayMicroseconds }),
    ...(maxQueueSize !== undefined && { maxQueueSize }),
    ...(queueTimeoutMicroseconds !== undefined && { queueTimeoutMicroseconds }),
    ...(threads !== undefined && { threads }),
  };
}

/** One class per line. An unreadable file is listed in `ignored`, and the model runs without class names. */
async function readLabels(
  { outputs }: TritonConfig,
  to: { readonly model: ModelFile; readonly folder: string; readonly ignored: string[] },
): Promise<Map<string, readonly string[]>> {
  const labels = new Map<string, readonly string[]>();
  for (const { name, labelFile } of outputs) {
    if (labelFile === undefined || labelFile === "") continue;
    try {
      const safePath = new SafePath(to.model.dataFolder?.roots ?? [to.folder]);
      const text = await readSmallFile(safePath.follow(join(to.folder, labelFile)));
      labels.set(name, text.replace(/\r?\n$/, "").split(/\r?\n/));
    } catch (error) {
      to.ignored.push(`output.label_filename (${describeError(error, 200)})`);
    }
  }
  return labels;
}
