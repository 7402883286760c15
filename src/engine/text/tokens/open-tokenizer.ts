import { readFileSync } from "node:fs";
import { describeError, RuntimeError } from "../../../base/errors.ts";
import type { TokenizerFiles } from "../folder/text-folder.ts";
import { type AddedToken, readAddedTokens } from "./added/added-tokens.ts";
import { ConfigFields, isCount } from "./config-fields.ts";
import { createModel } from "./models/create-model.ts";
import { createNormalizer, lowercase } from "./normalizers/create-normalizer.ts";
import type { Normalizer } from "./normalizers/normalizer.ts";
import { PipelineTokenizer } from "./pipeline-tokenizer.ts";
import { readTemplate } from "./sequence/template.ts";
import type { TextTokenizer } from "./text-tokenizer.ts";
import { createSplitter } from "./words/create-splitter.ts";

/** Families whose models were trained with token types other than 0. Others have a table of one row, or none. */
const familiesWithTypes: ReadonlySet<string> = new Set(["bert", "electra", "nomic_bert"]);

export interface TokenizerOptions {
  /** Whether texts are put into lower case before anything else. */
  readonly doLowerCase: boolean;
  /** What config.json calls `model_type`. */
  readonly family: string;
}

/** Opens a model's tokenizer. Truncation and padding that tokenizer.json describes are left to the caller, as
 *  sentence-transformers does. Throws RuntimeError "invalid-argument" that names what is malformed or not known, or
 *  "failed-precondition" for a file that cannot be read. Blocks. */
export function openTokenizer(files: TokenizerFiles, options: TokenizerOptions): TextTokenizer {
  const file = readJson(files.tokenizer, "tokenizer.json");
  const model = createModel(file.object("model"));
  const addedTokens = readAddedTokens(file, model.vocabulary);
  const splitter = file.optionalObject("pre_tokenizer");
  const template = readTemplate(file.optionalObject("post_processor"));
  const config =
    files.config === undefined ? undefined : readJson(files.config, "tokenizer_config.json");
  return new PipelineTokenizer({
    addedTokens,
    normalize: readNormalizer(file.optionalObject("normalizer"), options.doLowerCase),
    split: splitter ? createSplitter(splitter) : (piece, emit) => emit(piece),
    model,
    template,
    hasTypes: familiesWithTypes.has(options.family) && takesTypes(config),
    padId: readPadId(config, file, addedTokens),
    maxTokens: files.maxTokens,
    truncateSide: files.truncateSide,
  });
}

function readJson(path: string, name: string): ConfigFields {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new RuntimeError(
      "failed-precondition",
      `${name} cannot be read: ${describeError(cause)}`,
      { cause },
    );
  }
  try {
    return new ConfigFields(JSON.parse(text), "");
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    throw new RuntimeError(
      "invalid-argument",
      `${name} is not JSON (${describeError(cause, 120)}): save it again with save_pretrained`,
      { cause },
    );
  }
}

function readNormalizer(config: ConfigFields | undefined, doLowerCase: boolean): Normalizer {
  const own: Normalizer = config ? createNormalizer(config) : (piece) => piece;
  return doLowerCase ? (piece) => own(lowercase(piece)) : own;
}

/** Whether the model is given token types: unless tokenizer_config.json lists what it is given, and leaves them out. */
function takesTypes(config: ConfigFields | undefined): boolean {
  const names = config?.value("model_input_names");
  return !Array.isArray(names) || names.includes("token_type_ids");
}

/** What tokenizer_config.json names, or what tokenizer.json pads with, or a token that is called so. */
function readPadId(
  config: ConfigFields | undefined,
  file: ConfigFields,
  addedTokens: readonly AddedToken[],
): number {
  const name = config && readPadToken(config);
  const idOf = (content: string) => addedTokens.find((token) => token.content === content)?.id;
  const padding = file.optionalObject("padding")?.value("pad_id");
  return (
    (name ? idOf(name) : undefined) ??
    (isCount(padding) ? padding : undefined) ??
    idOf("[PAD]") ??
    idOf("<pad>") ??
    0
  );
}

/** A text, or an object with a `content`. */
function readPadToken(config: ConfigFields): string | undefined {
  const token = config.value("pad_token");
  if (typeof token === "string") return token;
  const isObject = typeof token === "object" && token !== null;
  const content = isObject && "content" in token ? token.content : undefined;
  return typeof content === "string" ? content : undefined;
}
