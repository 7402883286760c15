import { posix } from "node:path";
import { RuntimeError } from "../../../base/errors.ts";
import type { FolderFiles } from "./folder-files.ts";
import type { JsonFile } from "./json-file.ts";
import type { TokenizerFiles } from "./text-folder.ts";

/** What sentence-transformers has written beside its encoders in the course of time. */
const encoderConfigs = [
  "sentence_bert_config.json",
  "sentence_roberta_config.json",
  "sentence_distilbert_config.json",
  "sentence_camembert_config.json",
  "sentence_albert_config.json",
  "sentence_xlm-roberta_config.json",
  "sentence_xlnet_config.json",
];

/** Files that slow tokenizers are made of. */
const slowFiles = [
  "vocab.txt",
  "vocab.json",
  "sentencepiece.bpe.model",
  "spiece.model",
  "spm.model",
  "tokenizer.model",
];

/** Positions of models whose config.json does not say. */
const defaultPositions: Readonly<Record<string, number>> = {
  modernbert: 8192,
  nomic_bert: 2048,
  qwen3: 32768,
};
const usualPositions = 512;

export interface TokenizerPlace {
  /** The folder of the encoder, then that of the model. */
  readonly folders: readonly string[];
  readonly config: JsonFile;
  readonly family: string;
}

/** Finds the tokenizer and how long a text may be, and whether texts are put into lower case first. Throws
 *  RuntimeError "invalid-argument" if there is none. */
export function readTokenizer(
  files: FolderFiles,
  { folders, config, family }: TokenizerPlace,
): { readonly tokenizer: TokenizerFiles; readonly doLowerCase: boolean } {
  const folder = folders.find((each) => files.has(posix.join(each, "tokenizer.json")));
  if (folder === undefined) throw noTokenizer(files, folders);
  const encoder = firstOf(files, folders, encoderConfigs);
  const settings = files.json(posix.join(folder, "tokenizer_config.json"));
  const positions = positionsOf(config, family);
  const stated =
    encoder?.count("max_seq_length") ?? settings?.count("model_max_length") ?? positions;
  return {
    tokenizer: {
      tokenizer: files.need(posix.join(folder, "tokenizer.json"), "it makes tokens of texts"),
      config: files.find(posix.join(folder, "tokenizer_config.json")),
      maxTokens: Math.min(stated, positions),
      truncateSide: settings === undefined ? "right" : sideOf(settings),
    },
    doLowerCase: encoder?.boolean("do_lower_case") ?? false,
  };
}

function firstOf(
  files: FolderFiles,
  folders: readonly string[],
  names: readonly string[],
): JsonFile | undefined {
  for (const folder of folders) {
    for (const name of names) {
      const found = files.json(posix.join(folder, name));
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** How many tokens the model has positions for. Libraries accept more, and fail at the first long text. */
function positionsOf(config: JsonFile, family: string): number {
  const positions =
    config.count("max_position_embeddings") ??
    config.count("n_positions") ??
    defaultPositions[family] ??
    usualPositions;
  const left = positions - skippedPositions(config, family);
  if (left < 1)
    throw config.refusal(`'max_position_embeddings' is ${positions}: too few for a text`);
  return left;
}

/** RoBERTa's kind counts positions from the one after the padding token's id. */
function skippedPositions(config: JsonFile, family: string): number {
  switch (family) {
    case "roberta":
    case "xlm-roberta":
    case "camembert":
      return paddingOf(config) + 1;
    case "mpnet":
      return 2;
    default:
      return 0;
  }
}

function paddingOf(config: JsonFile): number {
  const id = config.get("pad_token_id") ?? 1;
  if (typeof id === "number" && Number.isInteger(id) && id >= 0) return id;
  throw config.unexpected("pad_token_id", "the id of a token");
}

function sideOf(settings: JsonFile): "left" | "right" {
  const side = settings.string("truncation_side") ?? "right";
  if (side === "left" || side === "right") return side;
  throw settings.unexpected("truncation_side", '"left" or "right"');
}

function noTokenizer(files: FolderFiles, folders: readonly string[]): RuntimeError {
  const slow = slowFiles.find((name) => folders.some((each) => files.has(posix.join(each, name))));
  const advice =
    slow === undefined
      ? "copy the one of the model into the folder"
      : `it has only ${slow}; convert it where transformers is installed, in the folder: python -c "from transformers import AutoTokenizer as T; T.from_pretrained('.').save_pretrained('.')"`;
  return new RuntimeError("invalid-argument", `${files.folder} has no tokenizer.json: ${advice}`);
}
