import type { ScoreActivation, TextTask } from "../../contract/text-facts.ts";
import { type JsonFile, shorten } from "./json-file.ts";

/** Far above real classifiers. */
const maxLabels = 100_000;
/** What transformers takes where config.json says nothing. */
const defaultLabels = 2;

/** Names of the classes in the order of the logits. Throws RuntimeError "invalid-argument". */
export function readLabels(config: JsonFile): string[] {
  const named = config.object("id2label");
  const ids = Object.keys(named?.fields ?? {});
  const count = ids.length === 0 ? (config.count("num_labels") ?? defaultLabels) : ids.length;
  if (count > maxLabels)
    throw config.refusal(`it has ${count} labels, expected up to ${maxLabels}`);
  return Array.from({ length: count }, (_, id) => {
    if (ids.length === 0) return `LABEL_${id}`;
    const label = named?.get(String(id));
    // Writers that know no JSON type of labels write numbers.
    if (typeof label === "string" || typeof label === "number") return String(label);
    throw config.refusal(
      `'id2label' has no text for ${id}, expected one for each of 0 to ${count - 1}`,
    );
  });
}

/** What clients get of the logits of a model that does `task`. Throws RuntimeError "invalid-argument" for a
 *  function that is not known. */
export function readActivation(
  config: JsonFile,
  task: TextTask,
  labelCount: number,
): ScoreActivation {
  if (task === "embedding") return "identity";
  if (task === "token-classification") return "softmax";
  const named = namedActivation(config);
  if (task === "rerank") return named ?? "sigmoid";
  const problem = config.string("problem_type");
  if (labelCount === 1) return named ?? (problem === "regression" ? "identity" : "sigmoid");
  // sentence-transformers names Identity for every model of several labels, whatever it was trained for, and
  // text classification pipelines ignore that.
  if (named === "sigmoid" || problem === "multi_label_classification") return "sigmoid";
  return problem === "regression" ? "identity" : "softmax";
}

/** What sentence-transformers wrote, which comes before all else. */
function namedActivation(config: JsonFile): ScoreActivation | undefined {
  const name =
    config.object("sentence_transformers")?.string("activation_fn") ??
    config.string("sbert_ce_default_activation_function");
  if (name === undefined) return undefined;
  switch (/^torch\.nn\.(?:\w+\.)*(?<kind>\w+)$/.exec(name)?.groups?.["kind"]) {
    case "Sigmoid":
      return "sigmoid";
    case "Identity":
      return "identity";
    case "Softmax":
      return "softmax";
    default:
      throw config.refusal(
        `the activation of scores is '${shorten(name)}', which is not known; known are Sigmoid, Identity and Softmax of torch.nn`,
      );
  }
}
