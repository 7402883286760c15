import type { TensorSpec } from "../../base/tensor.ts";
import type { RunSettings } from "../../config/run-settings.ts";

/** An input or output as Triton's model configuration has it. */
export interface ConfigTensor extends TensorSpec {
  /** The file of its class names, beside the model. */
  readonly labelFile?: string | undefined;
}

export type ServedVersions =
  | { readonly tag: "all" }
  | { readonly tag: "latest"; readonly count: number }
  | { readonly tag: "specific"; readonly versions: readonly string[] };

/** What a loaded model runs by: its own settings, and the defaults where it has none. */
export interface ModelConfig {
  /** A key of the engine catalog, such as "onnx". */
  readonly format: string;
  /** In the Open Inference Protocol's terms. */
  readonly platform: string;
  /** The name of the file that the engine opened; of a text model, its folder. */
  readonly fileName: string;
  /** Rows that joined requests may have together. 0: the first dimension of tensors does not count rows. */
  readonly maxBatchSize: number;
  /** Whether requests that wait are joined. */
  readonly isJoined: boolean;
  /** With the first dimension, whatever it counts. */
  readonly inputs: readonly ConfigTensor[];
  readonly outputs: readonly ConfigTensor[];
  readonly settings: Pick<
    RunSettings,
    | "maxQueueDelayMicroseconds"
    | "maxQueueSize"
    | "queueTimeoutMicroseconds"
    | "maxConcurrency"
    | "threads"
  >;
  readonly versions: ServedVersions;
  /** Whether answers that were given before are kept. */
  readonly hasCache: boolean;
}
