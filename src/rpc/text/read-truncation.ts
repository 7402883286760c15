import type { TextCall, Truncate } from "../../service/contract/text.ts";
import type { JsonFields } from "./json-fields.ts";

/** The fields by which clients ask for truncation: TEI's `truncate` and `truncation_direction`, and vLLM's
 *  `truncate_prompt_tokens`, where -1 means the model's limit. `otherwise`: what the wire does if nothing is said. */
export function readTruncation(
  fields: JsonFields,
  otherwise: Truncate,
): Pick<TextCall, "truncate" | "truncateSide"> {
  const isWanted = fields.boolean("truncate");
  const tokens = fields.integer("truncate_prompt_tokens", -1);
  const side = fields.oneOf("truncation_direction", ["left", "right", "Left", "Right"]);
  if (tokens === 0) throw fields.refusal("truncate_prompt_tokens", "must be -1 or above 0");
  const byFlag = isWanted === undefined ? otherwise : isWanted ? "model" : "error";
  const truncate = tokens === undefined ? byFlag : tokens === -1 ? "model" : tokens;
  return { truncate, truncateSide: side && (side.toLowerCase() as "left" | "right") };
}
