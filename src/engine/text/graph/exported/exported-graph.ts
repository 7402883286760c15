import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { RuntimeError } from "../../../../base/errors.ts";
import { isDataLocation } from "../../../onnx/graph/data-location.ts";
import { graphFields, modelFields } from "../../../onnx/rewrite/field-numbers.ts";
import { ModelReader } from "../../../onnx/rewrite/model-reader.ts";
import { append, integer, message, type Piece, text, write } from "../../../onnx/rewrite/pieces.ts";
import { GraphBuilder } from "../../../onnx/write/graph-builder.ts";
import type { TextFolder, TextWeights } from "../../folder/text-folder.ts";
import { ConfigReader } from "../layers/config-reader.ts";
import { DataPlaces } from "../layers/data-places.ts";
import { TensorOps } from "../layers/tensor-ops.ts";
import { type TextInput, textInputs } from "../layers/text-inputs.ts";
import type { TextGraph, TextOutput } from "../text-graph.ts";
import { applyModules, leavesOutPrompts, moduleFiles } from "../text-modules.ts";
import { type ChosenOutput, chooseOutput } from "./chosen-output.ts";
import { type ExportedModel, withExportedModel } from "./exported-model.ts";
import { keptOutside, type OutsidePlaces } from "./outside-weights.ts";

/** The oldest that has all operators that are added. */
const leastOpset = 12;
/** TensorProto.DataType. */
const int64Type = 7;
const floatType = 1;
/** What may be copied of a file: all but its weights. */
const maxCopiedBytes = 256 * 1024 * 1024;

/** The graph of an ONNX file that others exported, with the modules of `folder` after it where the file ends with the
 *  vectors of tokens. Its weights stay where they are. Throws RuntimeError "invalid-argument" for inputs or outputs that do
 *  not fit. Blocks. */
export function exportedGraph(
  folder: TextFolder,
  { file, data }: Extract<TextWeights, { kind: "onnx" }>,
  output: TextOutput,
): TextGraph {
  return withExportedModel(file, (model) => {
    const located = locate(model, data);
    const places = new DataPlaces([file, ...located.values(), ...moduleFiles(folder.modules)]);
    const added = addedTo(model, { folder, places, output });
    const outside = {
      ownName: places.nameOf(file),
      nameOf: (location: string) => places.nameOf(located.get(location) ?? location),
    };
    return {
      onnx: rewritten(model, added.graph, outside),
      dataFolder: places.folder,
      dataFiles: places.files,
      inputs: added.inputs,
      output,
      width: added.width,
    };
  });
}

/** Names of data files -> their paths. `known`: those that are already found. */
function locate(
  { file, reader, outline }: ExportedModel,
  known: Readonly<Record<string, string>>,
): ReadonlyMap<string, string> {
  const located = new Map<string, string>();
  for (const field of reader.fields(outline.graph.start, outline.graph.end)) {
    if (field.number !== graphFields.initializer) continue;
    keptOutside(reader, field, {
      ownName: "",
      nameOf: (location) => {
        const found = Object.hasOwn(known, location) ? known[location] : undefined;
        located.set(location, found ?? dataPath(file, location));
        return location;
      },
    });
  }
  return located;
}

function dataPath(file: string, location: string): string {
  const path = join(dirname(file), location);
  if (isDataLocation(location) && existsSync(path)) return path;
  throw new RuntimeError(
    "invalid-argument",
    `${file} has weights in '${location}', which is not beside it: copy that file there too`,
  );
}

interface Added {
  /** A model of what is added to the graph. */
  readonly graph: Uint8Array;
  readonly inputs: readonly TextInput[];
  readonly width: number;
}

function addedTo(
  model: ExportedModel,
  {
    folder,
    places,
    output,
  }: { readonly folder: TextFolder; readonly places: DataPlaces; readonly output: TextOutput },
): Added {
  const opset = model.opsets.get("") ?? 0;
  if (opset < leastOpset) {
    throw new RuntimeError(
      "invalid-argument",
      `${model.file} has opset ${opset}, expected ${leastOpset} or newer: export the model again`,
    );
  }
  const graph = new GraphBuilder({ "": opset, "com.microsoft": 1 }, "/modelport");
  const ops = new TensorOps(graph, opset);
  const inputs = givenInputs(model);
  const input = (name: TextInput) => {
    if (inputs.has(name)) return name;
    inputs.add(name);
    return graph.input(name, "int64", ["batch", "tokens"]);
  };
  const chosen = chooseOutput(model, output);
  let value = chosen.datatype === floatType ? chosen.name : ops.cast(chosen.name, "float");
  let width = widthOf(chosen, folder, output);
  if (output === "embedding" && chosen.isPerToken) {
    const counted = leavesOutPrompts(folder.modules) ? input("pooling_mask") : undefined;
    const tokens = {
      tokens: value,
      mask: input("attention_mask"),
      ...(counted === undefined ? {} : { counted }),
    };
    ({ value, width } = applyModules({ ops, places, tokens, width }, folder.modules));
  }
  const dims = output === "token_logits" ? ["batch", "tokens"] : ["batch"];
  if (value !== output) graph.output(output, value, { type: "float", shape: [...dims, width] });
  return {
    graph: graph.finish(),
    inputs: textInputs.filter((name) => inputs.has(name)),
    width,
  };
}

function givenInputs({ file, inputs }: ExportedModel): Set<TextInput> {
  const names = new Set<TextInput>();
  for (const { name, datatype, sizes } of inputs) {
    const known = textInputs.find((input) => input === name);
    if (known === undefined) {
      throw new RuntimeError(
        "invalid-argument",
        `${file} has the input '${name}', expected only ${textInputs.join(", ")}`,
      );
    }
    if (datatype !== int64Type || (sizes !== undefined && sizes.length !== 2)) {
      throw new RuntimeError(
        "invalid-argument",
        `${file}: the input '${name}' must be INT64 [batch, tokens]: export the model again`,
      );
    }
    names.add(known);
  }
  if (names.has("input_ids")) return names;
  throw new RuntimeError("invalid-argument", `${file} has no input 'input_ids'`);
}

/** Of the chosen value. */
function widthOf({ width }: ChosenOutput, folder: TextFolder, output: TextOutput): number {
  if (width !== undefined) return width;
  if (output !== "embedding") return folder.facts.labels.length;
  return new ConfigReader(folder.config).size(["hidden_size", "dim", "d_model", "n_embd"]);
}

/** The model with `added`, and with its outputs replaced by those that `added` has. */
function rewritten(model: ExportedModel, added: Uint8Array, places: OutsidePlaces): Uint8Array {
  const { reader, outline, opsets, file } = model;
  const extra = addedFields(added);
  const keepsOutputs = !extra.some(({ number }) => number === graphFields.output);
  const graph: Piece[] = [];
  let copied = 0;
  for (const field of reader.fields(outline.graph.start, outline.graph.end)) {
    const { number } = field;
    if (number === graphFields.output && !keepsOutputs) continue;
    const outside =
      number === graphFields.initializer ? keptOutside(reader, field, places) : undefined;
    if (outside === undefined) {
      copied += field.end - field.start;
      append(graph, field);
    } else graph.push(message(number, outside));
  }
  if (copied > maxCopiedBytes) {
    throw new RuntimeError(
      "invalid-argument",
      `${file} keeps ${copied} bytes of weights in its nodes or in lists of numbers, where they cannot stay in the file: export the model again`,
    );
  }
  graph.push(...extra.map(({ bytes }) => bytes));
  const whole: Piece[] = [...outline.around, message(modelFields.graph, graph)];
  if (!opsets.has("com.microsoft")) {
    whole.push(message(modelFields.opsetImport, [text(1, "com.microsoft"), integer(2, 1)]));
  }
  return write(whole, reader);
}

/** The fields of the graph in a model, apart from its name. */
function addedFields(model: Uint8Array): { readonly number: number; readonly bytes: Uint8Array }[] {
  const wanted: ReadonlySet<number> = new Set([
    graphFields.node,
    graphFields.initializer,
    graphFields.input,
    graphFields.output,
  ]);
  const reader = new ModelReader(model);
  const found: { number: number; bytes: Uint8Array }[] = [];
  for (const field of reader.fields(0, reader.sizeBytes)) {
    if (field.number !== modelFields.graph) continue;
    for (const { number, start, end } of reader.fields(field.content, field.end)) {
      if (wanted.has(number)) found.push({ number, bytes: model.subarray(start, end) });
    }
  }
  return found;
}
