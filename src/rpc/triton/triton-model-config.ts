import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import {
  type ModelConfig as ConfigMessage,
  ModelConfigSchema,
} from "../../../gen/inference/inference_pb.ts";
import type { Datatype } from "../../base/tensor.ts";
import type {
  ConfigTensor,
  ModelConfig,
  ServedVersions,
} from "../../service/contract/model-config.ts";

const dataTypes: Readonly<Record<Datatype, string>> = {
  BOOL: "TYPE_BOOL",
  UINT8: "TYPE_UINT8",
  UINT16: "TYPE_UINT16",
  UINT32: "TYPE_UINT32",
  UINT64: "TYPE_UINT64",
  INT8: "TYPE_INT8",
  INT16: "TYPE_INT16",
  INT32: "TYPE_INT32",
  INT64: "TYPE_INT64",
  FP16: "TYPE_FP16",
  BF16: "TYPE_BF16",
  FP32: "TYPE_FP32",
  FP64: "TYPE_FP64",
  BYTES: "TYPE_STRING",
};

/** Those whose platform and backend have a name of Triton's. */
const tritonNames: Readonly<
  Record<string, { readonly platform: string; readonly backend: string }>
> = {
  onnx: { platform: "onnxruntime_onnx", backend: "onnxruntime" },
};

/** Triton's model configuration as its REST writes it: names of protobuf, numbers as numbers, and every value of a
 *  part that is there. `name`: the model's. */
export function modelConfigJson(name: string, config: ModelConfig): JsonObject {
  const { format, maxBatchSize, settings, isJoined } = config;
  const { platform, backend } = tritonNames[format] ?? { platform: config.platform, backend: "" };
  const dims = ({ shape }: ConfigTensor) => (maxBatchSize > 0 ? shape.slice(1) : [...shape]);
  return {
    name,
    platform,
    backend,
    version_policy: policyJson(config.versions),
    max_batch_size: maxBatchSize,
    input: config.inputs.map((spec) => ({
      name: spec.name,
      data_type: dataTypes[spec.datatype],
      dims: dims(spec),
      optional: spec.isOptional === true,
    })),
    output: config.outputs.map((spec) => ({
      name: spec.name,
      data_type: dataTypes[spec.datatype],
      dims: dims(spec),
      label_filename: spec.labelFile ?? "",
    })),
    // Triton has none without rows.
    ...(isJoined &&
      maxBatchSize > 0 && {
        dynamic_batching: {
          max_queue_delay_microseconds: settings.maxQueueDelayMicroseconds,
          default_queue_policy: {
            timeout_action: "REJECT",
            default_timeout_microseconds: settings.queueTimeoutMicroseconds,
            max_queue_size: settings.maxQueueSize,
          },
        },
      }),
    // A model has one place, where its runs follow each other.
    instance_group: [{ name, count: 1, kind: "KIND_CPU" }],
    default_model_filename: config.fileName,
    parameters: parametersJson(settings),
    model_transaction_policy: { decoupled: false },
    response_cache: { enable: config.hasCache },
  };
}

/** The same as a message of gRPC. */
export function modelConfigMessage(name: string, config: ModelConfig): ConfigMessage {
  return fromJson(ModelConfigSchema, modelConfigJson(name, config));
}

function policyJson(versions: ServedVersions): JsonObject {
  switch (versions.tag) {
    case "all":
      return { all: {} };
    case "latest":
      return { latest: { num_versions: versions.count } };
    case "specific":
      return { specific: { versions: versions.versions.map(Number) } };
  }
}

/** As Triton's backend for ONNX names them. 0 is the default there too. */
function parametersJson({ threads }: ModelConfig["settings"]): JsonObject {
  return threads === 0 ? {} : { intra_op_thread_count: { string_value: String(threads) } };
}
