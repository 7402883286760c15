import { RuntimeError } from "../../../../base/errors.ts";
import type { ConfigFields } from "../config-fields.ts";
import { type Piece, slicePiece } from "../pieces/piece.ts";
import { prependTo } from "../pieces/prepend.ts";
import type { Splitter } from "./splitter.ts";

const schemes = ["always", "first", "never"] as const;

/** Writes spaces as a visible character, puts one in front, and starts a word at each. */
export function metaspace(config: ConfigFields): Splitter {
  const replacement = config.text("replacement");
  if (replacement.length !== 1) throw config.malformed("replacement", "one character");
  const scheme = readScheme(config);
  const isSplit = config.flag("split", true);

  function isPrefixed({ text, isStart }: Piece): boolean {
    if (scheme === "never" || text.startsWith(replacement)) return false;
    return scheme === "always" || isStart;
  }

  return (piece, emit) => {
    const marked = { ...piece, text: piece.text.replaceAll(" ", () => replacement) };
    const prefixed = isPrefixed(marked) ? prependTo(marked, replacement) : marked;
    if (!isSplit) {
      emit(prefixed);
      return;
    }
    for (let start = 0; start < prefixed.text.length; ) {
      const next = prefixed.text.indexOf(replacement, start + 1);
      const end = next === -1 ? prefixed.text.length : next;
      emit(slicePiece(prefixed, start, end));
      start = end;
    }
  };
}

/** Older files have `add_prefix_space` instead. */
function readScheme(config: ConfigFields): (typeof schemes)[number] {
  const isPrefixed = config.flag("add_prefix_space", true);
  const name = config.optionalText("prepend_scheme") ?? (isPrefixed ? "always" : "never");
  const scheme = schemes.find((known) => known === name);
  if (scheme === undefined) throw config.unknown("prepend_scheme", schemes);
  if (!isPrefixed && scheme !== "never") {
    throw new RuntimeError(
      "invalid-argument",
      `tokenizer.json is contradictory: '${config.pathOf("prepend_scheme")}' is "${scheme}" and 'add_prefix_space' is false; save it again with save_pretrained`,
    );
  }
  return scheme;
}
