import type { CatboostModel, ModelInfo } from "./catboost-model.ts";
import { readClasses } from "./classes.ts";
import { fieldOf } from "./json-values.ts";

/** Entries about the training, by name; JSON as text, or already parsed. */
export type InfoEntries = ReadonlyMap<string, unknown>;

/** Whatever is missing there leaves its default, since the trees do not need it. Throws RuntimeError "invalid-argument"
 *  for classes that cannot be told. */
export function readInfo(entries: InfoEntries): Pick<CatboostModel, "version" | "info"> {
  const loss = lossOf(entries);
  const threshold = Number(entries.get("binclass_probability_threshold") ?? Number.NaN);
  const info: ModelInfo = {
    loss,
    classes: readClasses(parsed(entries.get("class_params")), loss),
    threshold: threshold > 0 && threshold < 1 ? threshold : 0.5,
  };
  const text = String(entries.get("catboost_version_info") ?? "");
  return { version: /\bv(\d+(?:\.\d+)+)/.exec(text)?.[1] ?? "", info };
}

/** Of the parameters of the training. */
function lossOf(entries: InfoEntries): string {
  const parameters = parsed(entries.get("params"));
  const name = fieldOf(fieldOf(parameters, "loss_function"), "type");
  return typeof name === "string" ? name : "";
}

function parsed(value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}
