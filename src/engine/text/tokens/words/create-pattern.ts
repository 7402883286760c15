import { SplitPreTokenizer } from "@huggingface/tokenizers";
import { RuntimeError } from "../../../../base/errors.ts";
import type { ConfigFields } from "../config-fields.ts";

/** The global regular expression for the `pattern` of a part of tokenizer.json: a literal text, or an expression of Oniguruma.
 *  Throws RuntimeError "invalid-argument" for one that JavaScript does not have. */
export function createPattern(config: ConfigFields): RegExp {
  const pattern = config.object("pattern");
  if (pattern.has("String")) return new RegExp(escaped(pattern.text("String")), "gu");
  const source = pattern.text("Regex");
  try {
    const { pattern: translated } = new SplitPreTokenizer({
      type: "Split",
      pattern: { Regex: source },
      behavior: "Isolated",
      invert: false,
    });
    if (translated !== null) return translated;
  } catch (cause) {
    throw new RuntimeError(
      "invalid-argument",
      `tokenizer.json has '${pattern.pathOf("Regex")}' ${JSON.stringify(source)}, which JavaScript cannot run: use a tokenizer without it`,
      { cause },
    );
  }
  throw pattern.malformed("Regex", "a regular expression");
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
