import { posix } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import type { FolderFiles } from "./folder-files.ts";
import { isRecord, JsonFile, nameOf, parseJson, shorten } from "./json-file.ts";
import { type PoolingMode, poolingModes } from "./pooling-modes.ts";
import type { TextModule } from "./text-folder.ts";

export interface FolderModules {
  /** The folder of the encoder, relative to that of the model: "" if it is the same. */
  readonly encoder: string;
  /** What follows the encoder; undefined if there is no modules.json. */
  readonly modules: readonly TextModule[] | undefined;
}

/** Far above real models. */
const maxModules = 32;

/** Reads modules.json, which sentence-transformers writes. Throws RuntimeError "invalid-argument". */
export function readModules(files: FolderFiles, root: string): FolderModules {
  const name = posix.join(root, "modules.json");
  const text = files.text(name);
  if (text === undefined) return { encoder: root, modules: undefined };
  const entries = entriesOf(text, files.shown(name));
  const [first, ...others] = entries;
  if (first?.kind !== "Transformer") {
    throw refusal(files.shown(name), "the first module is not a Transformer");
  }
  const modules = others.flatMap((entry) => readModule(files, root, entry) ?? []);
  if (modules.length > 0 && modules[0]?.type !== "pooling") {
    throw refusal(files.shown(name), "the Transformer is not followed by a Pooling module");
  }
  if (modules.slice(1).some(({ type }) => type === "pooling")) {
    throw refusal(files.shown(name), "there is more than one Pooling module");
  }
  return { encoder: posix.join(root, first.path), modules };
}

interface Entry {
  /** The last part of its type, which is all that the versions of the library have in common. */
  readonly kind: string;
  /** Of its folder. */
  readonly path: string;
}

const known = ["Transformer", "Pooling", "Dense", "Normalize", "Dropout"];

function entriesOf(text: string, shown: string): Entry[] {
  const list = parseJson(text, shown);
  if (!Array.isArray(list) || list.length === 0 || list.length > maxModules) {
    throw refusal(shown, `it is ${nameOf(list)}, expected a list of 1 to ${maxModules} modules`);
  }
  return list.map((value: unknown, index) => {
    if (!isRecord(value)) throw refusal(shown, `module ${index} is ${nameOf(value)}`);
    const entry = new JsonFile(value, `${shown}, module ${index}`);
    const type = entry.string("type") ?? "";
    const kind = type.slice(type.lastIndexOf(".") + 1);
    // A module of this name that comes with the model is code that may do anything.
    if (!known.includes(kind) || !type.startsWith("sentence_transformers.")) {
      throw refusal(
        shown,
        `module ${index} is of type '${shorten(type)}', which is not known; known are ${known.join(", ")} of sentence_transformers`,
      );
    }
    return { kind, path: entry.string("path") ?? "" };
  });
}

function readModule(
  files: FolderFiles,
  root: string,
  { kind, path }: Entry,
): TextModule | undefined {
  const folder = posix.join(root, path);
  switch (kind) {
    case "Pooling":
      return readPooling(
        files.needJson(posix.join(folder, "config.json"), "it says how tokens are pooled"),
      );
    case "Dense":
      return readDense(files, folder);
    case "Normalize":
      // Its folder may be absent: it has no settings.
      return { type: "normalize" };
    case "Dropout":
      return undefined;
    default:
      throw refusal(files.folder, "a Transformer follows another module");
  }
}

/** The fields of old versions, in the order in which they join the vectors. */
const oldFields: Readonly<Record<string, PoolingMode>> = {
  pooling_mode_cls_token: "cls",
  pooling_mode_max_tokens: "max",
  pooling_mode_mean_tokens: "mean",
  pooling_mode_mean_sqrt_len_tokens: "mean_sqrt_len",
  pooling_mode_weightedmean_tokens: "weightedmean",
  pooling_mode_lasttoken: "lasttoken",
};

function readPooling(config: JsonFile): TextModule {
  const includePrompt = config.boolean("include_prompt") ?? true;
  const named = config.get("pooling_mode");
  if (named === undefined) {
    const modes = Object.entries(oldFields)
      .filter(([field]) => config.boolean(field))
      .map(([, mode]) => mode);
    return { type: "pooling", modes: modes.length === 0 ? ["mean"] : modes, includePrompt };
  }
  const names: readonly unknown[] = Array.isArray(named) ? named : [named];
  const modes = names.map((name) =>
    poolingModes.find((mode) => name === mode || name === `${mode}_tokens`),
  );
  if (modes.length === 0 || !modes.every((mode) => mode !== undefined)) {
    const shown = Array.isArray(named) ? shorten(JSON.stringify(named)) : nameOf(named);
    throw config.refusal(`'pooling_mode' is ${shown}, expected some of ${poolingModes.join(", ")}`);
  }
  return { type: "pooling", modes, includePrompt };
}

function readDense(files: FolderFiles, folder: string): TextModule {
  const config = files.needJson(posix.join(folder, "config.json"), "it has the sizes of the layer");
  checkPlain(config);
  const inFeatures = config.count("in_features");
  const outFeatures = config.count("out_features");
  if (inFeatures === undefined || outFeatures === undefined) {
    throw config.refusal("expected 'in_features' and 'out_features'");
  }
  const weights = files.need(
    posix.join(folder, "model.safetensors"),
    `save the model with a version of sentence-transformers from 2023 or later: SentenceTransformer(FOLDER).save(FOLDER)`,
  );
  return {
    type: "dense",
    weights,
    inFeatures,
    outFeatures,
    bias: config.boolean("bias") ?? true,
    activation: denseActivation(config),
  };
}

/** Later versions can join it to other things than the embedding of a text. */
function checkPlain(config: JsonFile): void {
  if (config.boolean("use_residual") === true) {
    throw config.refusal("'use_residual' is true, which is not known");
  }
  for (const key of ["module_input_name", "module_output_name"]) {
    const name = config.string(key) ?? "sentence_embedding";
    if (name === "sentence_embedding") continue;
    throw config.refusal(`'${key}' is '${shorten(name)}', expected 'sentence_embedding'`);
  }
}

function denseActivation(config: JsonFile): "tanh" | "identity" {
  const name = config.string("activation_function") ?? "torch.nn.modules.activation.Tanh";
  if (/^torch\.nn\.(?:\w+\.)*Tanh$/.test(name)) return "tanh";
  if (/^torch\.nn\.(?:\w+\.)*Identity$/.test(name)) return "identity";
  throw config.refusal(
    `'activation_function' is '${shorten(name)}', which is not known; known are Tanh and Identity of torch.nn`,
  );
}

function refusal(shown: string, problem: string): RuntimeError {
  return new RuntimeError("invalid-argument", `${shown}: ${problem}`);
}
