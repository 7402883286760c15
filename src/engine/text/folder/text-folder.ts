import { posix } from "node:path";
import type { TextFacts, TextTask } from "../../contract/text-facts.ts";
import { readArchitecture } from "./architecture.ts";
import { FolderFiles } from "./folder-files.ts";
import type { JsonFile } from "./json-file.ts";
import { readModules } from "./modules.ts";
import type { PoolingMode } from "./pooling-modes.ts";
import { readPrompts } from "./prompts.ts";
import { readActivation, readLabels } from "./scores.ts";
import { chooseTask } from "./task.ts";
import { findTextRoot } from "./text-root.ts";
import { readTokenizer } from "./tokenizer-files.ts";
import { findWeights } from "./weights.ts";

/** All paths are absolute and without links. */
export interface TextFolder {
  readonly facts: TextFacts;
  /** The family of architectures, which config.json calls `model_type`, such as "bert" or "xlm-roberta". */
  readonly family: string;
  readonly weights: TextWeights;
  /** config.json. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokenizer: TokenizerFiles;
  /** What follows the encoder, in order; empty if the model has a head of its own. */
  readonly modules: readonly TextModule[];
  /** Whether texts are put into lower case before the tokenizer sees them. */
  readonly doLowerCase: boolean;
  /** Every file that was read or will be, each once. */
  readonly files: readonly string[];
}

export type TextWeights =
  /** One file, or one per shard. */
  | { readonly kind: "safetensors"; readonly files: readonly string[] }
  | {
      readonly kind: "onnx";
      readonly file: string;
      /** Where files of weights are that lie beside it, by the names that it may have for them. */
      readonly data: Readonly<Record<string, string>>;
    };

export interface TokenizerFiles {
  /** The path of tokenizer.json. */
  readonly tokenizer: string;
  /** The path of tokenizer_config.json, if there is one. */
  readonly config: string | undefined;
  /** Of one text, special tokens included. */
  readonly maxTokens: number;
  /** The side that a long text is cut on. */
  readonly truncateSide: "left" | "right";
}

export type TextModule =
  | {
      readonly type: "pooling";
      /** Their vectors are joined in this order. */
      readonly modes: readonly PoolingMode[];
      /** Whether the tokens of a prompt count. */
      readonly includePrompt: boolean;
    }
  | {
      readonly type: "dense";
      /** A safetensors file with `linear.weight` and, with a bias, `linear.bias`. */
      readonly weights: string;
      readonly inFeatures: number;
      readonly outFeatures: number;
      readonly bias: boolean;
      readonly activation: "tanh" | "identity";
    }
  | { readonly type: "normalize" };

export interface TextFolderOptions {
  /** Absolute directories; the targets of links must lie in one of them. Default: the folder itself. */
  readonly roots?: readonly string[];
  /** Takes the place of what the folder says. */
  readonly task?: TextTask;
  /** An ONNX file to take instead of other weights, relative to the folder. */
  readonly onnxFile?: string;
}

/** Reads what lies in a text model's folder, an absolute path: Hugging Face's layout, sentence-transformers' or
 *  Caikit's. No weights are read. Throws RuntimeError "invalid-argument" that names what is missing,
 *  contradictory or not known, and what is known; "failed-precondition" or "temporarily-unavailable" if a
 *  file cannot be read. Blocks. */
export function readTextFolder(folder: string, options: TextFolderOptions = {}): TextFolder {
  const files = new FolderFiles(folder, options.roots ?? [folder]);
  const root = findTextRoot(files);
  const { encoder, modules: listed } = readModules(files, root);
  const config = files.needJson(posix.join(encoder, "config.json"), "it names the architecture");
  const architecture = readArchitecture(config, listed !== undefined && listed.length > 0);
  const labels = architecture.head === "none" ? [] : readLabels(config);
  const task = chooseTask({ architecture, config, labelCount: labels.length, asked: options.task });
  const modules = task === "embedding" ? modulesOf(listed, config) : [];
  const { onnxFile } = options;
  const weights = findWeights(files, { folder: encoder, onnxFile, architecture, config });
  const { family } = architecture;
  const { tokenizer, doLowerCase } = readTokenizer(files, {
    folders: [...new Set([encoder, root])],
    config,
    family,
  });
  const facts: TextFacts = {
    task,
    architecture: architecture.name,
    dimensions: task === "embedding" ? widthOf(modules, config) : undefined,
    labels: task === "embedding" ? [] : labels,
    activation: readActivation(config, task, labels.length),
    maxTokens: tokenizer.maxTokens,
    isNormalised: modules.at(-1)?.type === "normalize",
    ...readPrompts(files, root),
    pooling: modules.flatMap((each) => (each.type === "pooling" ? [each.modes.join("+")] : []))[0],
  };
  const read = files.found;
  return {
    facts,
    family,
    weights,
    config: config.fields,
    tokenizer,
    modules,
    doLowerCase,
    files: read,
  };
}

/** sentence-transformers pools an encoder without modules.json by the mean, without normalising it. */
const defaultModules: readonly TextModule[] = [
  { type: "pooling", modes: ["mean"], includePrompt: true },
];

function modulesOf(listed: readonly TextModule[] | undefined, config: JsonFile) {
  if (listed === undefined) return defaultModules;
  if (listed.length > 0) return listed;
  throw config.refusal("modules.json has no Pooling module, so there is no embedding of a text");
}

/** Numbers in an embedding. */
function widthOf(modules: readonly TextModule[], config: JsonFile): number {
  const hidden = config.count("hidden_size") ?? config.count("dim") ?? config.count("n_embd");
  if (hidden === undefined) throw config.refusal("it has no 'hidden_size'");
  let width = hidden;
  for (const each of modules) {
    if (each.type === "pooling") width *= each.modes.length;
    if (each.type !== "dense") continue;
    if (each.inFeatures !== width) {
      throw config.refusal(
        `a Dense module takes ${each.inFeatures} numbers, but ${width} come before it`,
      );
    }
    width = each.outFeatures;
  }
  return width;
}
