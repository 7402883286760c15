import type { RuntimeError } from "../../../base/errors.ts";
import type { TextTask } from "../../contract/text-facts.ts";
import type { Architecture } from "./architecture.ts";
import type { JsonFile } from "./json-file.ts";

interface Choice {
  readonly architecture: Architecture;
  readonly config: JsonFile;
  readonly labelCount: number;
  /** What the model's settings say. */
  readonly asked: TextTask | undefined;
}

/** What a model does. Throws RuntimeError "invalid-argument" if it cannot do what is asked. */
export function chooseTask({ architecture, config, labelCount, asked }: Choice): TextTask {
  const natural = naturalTask(architecture, labelCount);
  // Every model has an encoder, and every head for sequences classifies.
  const fits =
    asked === undefined ||
    asked === natural ||
    asked === "embedding" ||
    (asked === "classification" && natural === "rerank");
  if (fits) return asked ?? natural;
  throw refusal({ architecture, config, labelCount, asked }, natural);
}

function naturalTask({ head }: Architecture, labelCount: number): TextTask {
  if (head === "none") return "embedding";
  if (head === "token") return "token-classification";
  return labelCount === 1 ? "rerank" : "classification";
}

function refusal(
  { architecture, config, labelCount, asked }: Choice,
  natural: TextTask,
): RuntimeError {
  const name =
    architecture.head === "none"
      ? architecture.name
      : `${architecture.name} with ${labelCount} ${labelCount === 1 ? "label" : "labels"}`;
  const others = natural === "rerank" ? ", classification or embedding" : " or embedding";
  return config.refusal(
    `the task '${asked}' is asked for, but ${name} does ${natural}: leave 'task' out, or set ${natural}${natural === "embedding" ? "" : others}`,
  );
}
