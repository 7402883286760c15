import type { ConfigFields } from "../config-fields.ts";
import { Bpe } from "./bpe.ts";
import type { TokenModel } from "./token-model.ts";
import { Unigram } from "./unigram.ts";
import { WordPiece } from "./word-piece.ts";

const kinds: Readonly<Record<string, new (model: ConfigFields) => TokenModel>> = {
  BPE: Bpe,
  Unigram,
  WordPiece,
};

/** The `model` of tokenizer.json. Throws RuntimeError "invalid-argument" for one that is not known. */
export function createModel(model: ConfigFields): TokenModel {
  const type = model.has("type") ? model.type : guessType(model);
  const Model = type !== undefined && Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (Model === undefined) throw model.unknown("type", Object.keys(kinds));
  return new Model(model);
}

/** Older files do not name it. */
function guessType(model: ConfigFields): string | undefined {
  if (Array.isArray(model.value("vocab"))) return "Unigram";
  if (model.has("merges")) return "BPE";
  return model.has("max_input_chars_per_word") ? "WordPiece" : undefined;
}
