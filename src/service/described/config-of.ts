import { basename } from "node:path";
import type { TensorSpec } from "../../base/tensor.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { LoadedModel, ModelFile } from "../../engine/contract/engine.ts";
import type { TritonConfig, TritonTensor } from "../../models/triton-config.ts";
import type { ConfigTensor, ModelConfig } from "../contract/model-config.ts";
import { describedOf } from "./described-of.ts";

/** A model that serves, with its settings. */
export interface ConfiguredModel {
  readonly loaded: Pick<LoadedModel, "metadata" | "joining">;
  readonly source: Pick<ModelFile, "format" | "file"> | undefined;
  readonly settings: RunSettings;
  readonly configuration: {
    readonly isBatched: boolean | undefined;
    readonly triton: TritonConfig | undefined;
  };
}

/** `keepsVectors`: embeddings of texts are kept. */
export function configOf(
  { loaded, source, settings, configuration }: ConfiguredModel,
  { keepsVectors }: { readonly keepsVectors: boolean },
): ModelConfig {
  const { platform, inputs, outputs } = describedOf(loaded, settings);
  const isJoined = loaded.joining.state !== "off";
  // Triton's inputs have a dimension beside the rows, and perf_analyzer ends at one that has none.
  const areRows =
    inputs.every(({ shape }) => shape.length > 1) && [...inputs, ...outputs].every(isRows);
  const isBatched = configuration.isBatched ?? (isJoined && areRows);
  const { triton } = configuration;
  const text = loaded.metadata.text;
  return {
    format: source?.format ?? "",
    platform,
    fileName: source === undefined ? "" : basename(source.file),
    maxBatchSize: isBatched ? settings.maxBatchSize : 0,
    isJoined,
    inputs,
    outputs: outputs.map((spec) => withLabels(spec, triton?.outputs ?? [])),
    settings,
    versions: triton?.versionPolicy ?? { tag: "all" },
    hasCache: keepsVectors && text?.task === "embedding",
  };
}

function isRows({ shape, hasAnyRank }: TensorSpec): boolean {
  return shape[0] === -1 && hasAnyRank !== true;
}

function withLabels(spec: TensorSpec, configured: readonly TritonTensor[]): ConfigTensor {
  const labelFile = configured.find(({ name }) => name === spec.name)?.labelFile;
  return labelFile === undefined || labelFile === "" ? spec : { ...spec, labelFile };
}
