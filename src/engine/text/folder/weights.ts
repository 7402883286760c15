import { posix } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import { type Architecture, unknownArchitecture } from "./architecture.ts";
import type { FolderFiles } from "./folder-files.ts";
import type { JsonFile } from "./json-file.ts";
import type { TextWeights } from "./text-folder.ts";

export interface WeightsPlace {
  /** The folder of the encoder. */
  readonly folder: string;
  /** The ONNX file that was asked for, relative to the folder of the model. */
  readonly onnxFile: string | undefined;
  readonly architecture: Architecture;
  readonly config: JsonFile;
}

/** A model of more parts would not fit into memory. */
const maxShards = 1000;

/** What exporters name files that are smaller and less exact; none is taken unasked. */
const smallerOnnx = [
  "model_fp16.onnx",
  "model_quantized.onnx",
  "model_int8.onnx",
  "model_uint8.onnx",
  "model_q4.onnx",
  "model_q4f16.onnx",
  "model_bnb4.onnx",
  "model_O4.onnx",
  "model_O3.onnx",
  "model_O2.onnx",
  "model_O1.onnx",
  "model_optimized.onnx",
];

/** Finds the weights: the file that was asked for, safetensors, or else an ONNX file of full precision. Throws
 *  RuntimeError "invalid-argument" if there are none that can be served. */
export function findWeights(files: FolderFiles, place: WeightsPlace): TextWeights {
  const { folder, onnxFile, architecture, config } = place;
  if (onnxFile !== undefined) {
    return onnx(files, onnxFile) ?? refuse(`${files.folder} has no ${onnxFile}: it was asked for`);
  }
  // A graph of its own makes every architecture known.
  if (!architecture.isKnown) {
    return findOnnx(files, folder) ?? refuse(unknownArchitecture(architecture, config).message);
  }
  return (
    findSafetensors(files, folder) ??
    findOnnx(files, folder) ??
    refuse(`${files.folder} has no model.safetensors: ${adviceFor(files, place)}`)
  );
}

function findSafetensors(files: FolderFiles, folder: string): TextWeights | undefined {
  const whole = files.find(posix.join(folder, "model.safetensors"));
  if (whole !== undefined) return { kind: "safetensors", files: [whole] };
  const index = files.json(posix.join(folder, "model.safetensors.index.json"));
  const map = index?.object("weight_map");
  if (index === undefined) return undefined;
  const names = Object.keys(map?.fields ?? {}).map((tensor) => map?.string(tensor) ?? "");
  const shards = [...new Set(names)].sort();
  if (shards.length === 0 || shards.length > maxShards) {
    throw index.refusal(`'weight_map' names ${shards.length} files, expected 1 to ${maxShards}`);
  }
  const why = "model.safetensors.index.json names it; copy all parts of the model";
  const paths = shards.map((shard) => files.need(posix.join(folder, shard), why));
  return { kind: "safetensors", files: paths };
}

function findOnnx(files: FolderFiles, folder: string): TextWeights | undefined {
  return (
    onnx(files, posix.join(folder, "model.onnx")) ??
    onnx(files, posix.join(folder, "onnx", "model.onnx"))
  );
}

function onnx(files: FolderFiles, name: string): TextWeights | undefined {
  const file = files.find(name);
  if (file === undefined) return undefined;
  // The usual names of weights beside the graph. In Hugging Face's cache, links lead to files of other names.
  const data: [string, string][] = ["_data", ".data"].flatMap((ending) => {
    const path = files.find(`${name}${ending}`);
    return path === undefined ? [] : [[`${posix.basename(name)}${ending}`, path]];
  });
  return { kind: "onnx", file, data: Object.fromEntries(data) };
}

function adviceFor(files: FolderFiles, { folder, architecture }: WeightsPlace): string {
  const smaller = ["", "onnx"]
    .flatMap((below) => smallerOnnx.map((name) => posix.join(folder, below, name)))
    .find((name) => files.has(name));
  if (smaller !== undefined) {
    return `it has ${smaller}, which is not of full precision; name it in modelport.json if that is meant`;
  }
  const old = ["pytorch_model.bin", "pytorch_model.bin.index.json", "tf_model.h5"].find((name) =>
    files.has(posix.join(folder, name)),
  );
  if (old === undefined) return "copy the weights of the model into the folder";
  const library = `python -c "from transformers import ${autoClass(architecture)} as M; M.from_pretrained('.').save_pretrained('.')"`;
  return `it has only ${old}; convert it where transformers is installed, in the folder: ${library}`;
}

function autoClass({ head }: Architecture): string {
  if (head === "sequence") return "AutoModelForSequenceClassification";
  return head === "token" ? "AutoModelForTokenClassification" : "AutoModel";
}

function refuse(message: string): never {
  throw new RuntimeError("invalid-argument", message);
}
