import type { TextFacts } from "../engine/contract/text-facts.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";

/** Undefined if it is no text model. Known also while the model has no host. */
export function textFactsOf({ loaded, source }: ModelRecord): TextFacts | undefined {
  return loaded?.metadata.text ?? source?.text;
}
