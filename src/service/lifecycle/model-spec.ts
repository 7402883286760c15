import { RuntimeError } from "../../base/errors.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import { readStorageLocation, type StorageLocation } from "../../storage/location.ts";
import type { ModelSpec } from "../contract/models.ts";
import { readSettings } from "./model-settings.ts";

/** A model spec that was read and validated. */
export interface ModelRequest {
  readonly spec: ModelSpec;
  /** The model format that the client named, in lower case; undefined if the file has to decide. */
  readonly format: string | undefined;
  /** Bytes on disk as the client's storage counted them. */
  readonly diskBytes: number | undefined;
  /** The store to pull the model from; undefined if it is on the local disk. */
  readonly location?: StorageLocation | undefined;
  /** The settings in the key. */
  readonly settings: Partial<RunSettings>;
}

const maxIdBytes = 1024;

/** Throws "invalid-argument", naming the field, if no runtime could serve the spec. */
export function readModelSpec(
  spec: ModelSpec,
  knowsFormat: (format: string) => boolean,
): ModelRequest {
  checkModelId(spec.id);
  const key = readModelKey(spec.key);
  const location = readStorageLocation(spec.path, key, `model '${spec.id}'`);
  // In a store, the empty path is all of it.
  if (spec.path === "" && location === undefined) {
    throw new RuntimeError("invalid-argument", `modelPath is empty for model '${spec.id}'`);
  }
  if (key["schema_path"] !== undefined && typeof key["schema_path"] !== "string") {
    throw new RuntimeError(
      "invalid-argument",
      `modelKey's schema_path must be a string for model '${spec.id}'`,
    );
  }
  const format = formatOfKey(key["model_type"]) ?? formatOfLabel(spec.type);
  if (format !== undefined && !knowsFormat(format)) {
    throw new RuntimeError(
      "invalid-argument",
      `model type '${format}' of model '${spec.id}' is not supported`,
    );
  }
  const diskBytes = key["disk_size_bytes"];
  const counted = typeof diskBytes === "number" && Number.isSafeInteger(diskBytes) && diskBytes > 0;
  const settings = readSettings(key, `modelKey of model '${spec.id}'`);
  return { spec, format, diskBytes: counted ? diskBytes : undefined, location, settings };
}

/** Throws "invalid-argument" unless `id` can name a model. Any text can, up to the maximum length. */
function checkModelId(id: string): void {
  if (id === "") throw new RuntimeError("invalid-argument", "modelId is empty");
  const bytes = Buffer.byteLength(id);
  if (bytes > maxIdBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `modelId is ${bytes} bytes long, expected at most ${maxIdBytes}`,
    );
  }
}

/** The key is JSON only by convention: text that is not a JSON object has no settings. */
function readModelKey(text: string): Record<string, unknown> {
  // Most keys that do not come from ModelMesh are empty; an error costs more than the rest of a spec.
  if (text === "") return {};
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** `model_type` is {"name", "version"} or, from older clients, just the name. */
function formatOfKey(type: unknown): string | undefined {
  if (typeof type === "string") return withoutVersion(type);
  if (typeof type !== "object" || type === null) return undefined;
  const name = (type as Record<string, unknown>)["name"];
  return typeof name === "string" ? withoutVersion(name) : undefined;
}

/** Labels by the ModelMesh controller: "mt:onnx", "mt:onnx:1", "mt:onnx|pv:grpc-v2", or "rt:runtime-name",
 *  which does not name a format. Other clients write just the format. */
function formatOfLabel(label: string): string | undefined {
  const [first = ""] = label.split("|");
  if (first.startsWith("rt:")) return undefined;
  return withoutVersion(first.startsWith("mt:") ? first.slice(3) : first);
}

function withoutVersion(name: string): string | undefined {
  const [format = ""] = name.trim().toLowerCase().split(":");
  // MLflow is a folder around a model of some format, which its MLmodel file names.
  return format === "" || format === "mlflow" ? undefined : format;
}

/** Whether two specs request exactly the same model. */
export function isSameSpec(a: ModelSpec, b: ModelSpec): boolean {
  return a.id === b.id && a.path === b.path && a.type === b.type && a.key === b.key;
}
