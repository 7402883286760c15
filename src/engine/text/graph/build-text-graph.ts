import { RuntimeError } from "../../../base/errors.ts";
import type { TextTask } from "../../contract/text-facts.ts";
import type { TextFolder } from "../folder/text-folder.ts";
import { openWeights } from "../safetensors/open-weights.ts";
import { exportedGraph } from "./exported/exported-graph.ts";
import { families } from "./families/families.ts";
import type { Family, HeadSource } from "./families/family.ts";
import { ConfigReader } from "./layers/config-reader.ts";
import { DataPlaces } from "./layers/data-places.ts";
import { Weights } from "./layers/model-weights.ts";
import { Network } from "./layers/network.ts";
import type { TextGraph, TextOutput } from "./text-graph.ts";
import { applyModules, leavesOutPrompts, moduleFiles } from "./text-modules.ts";

const outputs: Readonly<Record<TextTask, TextOutput>> = {
  embedding: "embedding",
  rerank: "logits",
  classification: "logits",
  "token-classification": "token_logits",
};

/** The graph of the model in `folder`. Weights are not read, only where they are. Throws RuntimeError "invalid-argument"
 *  with what the model has that is not served, what its weights lack or what contradicts config.json; otherwise as
 *  `readSafetensorsHeader`. Blocks. */
export function buildTextGraph(folder: TextFolder): TextGraph {
  const { weights } = folder;
  const output = outputs[folder.facts.task];
  if (weights.kind === "onnx") return exportedGraph(folder, weights, output);
  const family = familyOf(folder);
  const places = new DataPlaces([...weights.files, ...moduleFiles(folder.modules)]);
  const net = new Network();
  const own = new Weights({ ops: net.ops, table: openWeights(weights.files), places });
  const source = { net, weights: encoderWeights(own, family), config: configOf(folder) };
  const encoded = family.encode(source);
  const made = finish(folder, family, { ...source, ...encoded, own }, places);
  const dims = output === "token_logits" ? ["batch", "tokens"] : ["batch"];
  net.ops.graph.output(output, made.value, { type: "float", shape: [...dims, made.width] });
  return {
    onnx: net.ops.graph.finish(),
    dataFolder: places.folder,
    dataFiles: places.files,
    inputs: net.inputs,
    output,
    width: made.width,
  };
}

function familyOf({ family: name }: TextFolder): Family {
  const family = families.get(name);
  if (family !== undefined) return family;
  throw new RuntimeError(
    "invalid-argument",
    `config.json: models of the type '${name}' are not served from their weights, ` +
      `only ${[...families.keys()].join(", ")}; export the model to ONNX as model.onnx`,
  );
}

function configOf({ config }: TextFolder): ConfigReader {
  const reader = new ConfigReader(config);
  reader.expect("quantization_config");
  return reader;
}

/** With or without the prefix: files of task models have it, and files that were saved for another task. */
function encoderWeights(own: Weights, { prefix, landmark }: Family): Weights {
  if (own.has(landmark)) return own;
  const below = own.below(prefix);
  // Its message names the tensor with the prefix.
  if (!below.has(landmark)) below.shapeOf(landmark);
  return below;
}

function finish(
  folder: TextFolder,
  family: Family,
  source: HeadSource,
  places: DataPlaces,
): { readonly value: string; readonly width: number } {
  const { task } = folder.facts;
  if (task === "embedding") return embedding(folder, source, places);
  const head = task === "token-classification" ? family.tokenHead : family.textHead;
  if (head === undefined) {
    throw new RuntimeError(
      "invalid-argument",
      `models of the type '${folder.family}' are served for embeddings, not for ${task} ` +
        `(architecture ${folder.facts.architecture})`,
    );
  }
  const { logits, labels } = head(source);
  checkLabels(folder, labels);
  return { value: logits, width: labels };
}

function embedding({ modules }: TextFolder, source: HeadSource, places: DataPlaces) {
  const { net, tokens, width } = source;
  const mask = net.input("attention_mask");
  const counted = leavesOutPrompts(modules) ? net.input("pooling_mask") : undefined;
  const pooled = { tokens, mask, ...(counted === undefined ? {} : { counted }) };
  return applyModules({ ops: net.ops, places, tokens: pooled, width }, modules);
}

/** config.json names two labels unless it says otherwise, so an absence says nothing. */
function checkLabels({ config, facts }: TextFolder, labels: number): void {
  const named = facts.labels.length;
  if (named === labels || config["id2label"] === undefined) return;
  throw new RuntimeError(
    "invalid-argument",
    `config.json names ${named} labels (${facts.labels.slice(0, 5).join(", ")}), but the head's weights have ${labels}`,
  );
}
