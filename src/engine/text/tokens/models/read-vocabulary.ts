import { type ConfigFields, isCount } from "../config-fields.ts";

/** More than any tokenizer has. Pairs of ids are counted with, as exact numbers. */
const maxId = 0xffffff;

/** The `vocab` of a model: pieces and their ids. */
export function readVocabulary(model: ConfigFields): Map<string, number> {
  const entries = model.object("vocab");
  const vocabulary = new Map<string, number>();
  for (const piece of entries.keys()) {
    const id = entries.value(piece);
    if (!isCount(id) || id > maxId) {
      throw entries.malformed(piece, `an id from 0 to ${maxId}`);
    }
    vocabulary.set(piece, id);
  }
  if (vocabulary.size === 0) throw model.malformed("vocab", "at least one piece");
  return vocabulary;
}

/** The id of the token that `key` names, which the vocabulary must have; undefined if there is none. */
export function readUnknown(
  model: ConfigFields,
  vocabulary: ReadonlyMap<string, number>,
): number | undefined {
  const token = model.optionalText("unk_token");
  if (token === undefined) return undefined;
  const id = vocabulary.get(token);
  if (id === undefined) throw model.malformed("unk_token", "a piece of the vocabulary");
  return id;
}
