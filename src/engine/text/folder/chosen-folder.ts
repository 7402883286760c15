import type { TextChoices } from "../../contract/text-choices.ts";
import { readTextFolder, type TextFolder } from "./text-folder.ts";

/** As `readTextFolder`, with what the model's settings say. `roots`: absent: the folder alone. */
export function readChosenFolder(
  folder: string,
  roots: readonly string[] | undefined,
  { task, onnxFile, maxTokens }: TextChoices = {},
): TextFolder {
  const found = readTextFolder(folder, {
    ...(roots && { roots }),
    ...(task && { task }),
    ...(onnxFile !== undefined && { onnxFile }),
  });
  if (maxTokens === undefined || maxTokens >= found.facts.maxTokens) return found;
  return {
    ...found,
    facts: { ...found.facts, maxTokens },
    tokenizer: { ...found.tokenizer, maxTokens },
  };
}
