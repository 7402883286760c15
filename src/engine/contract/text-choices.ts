import type { RunSettings } from "../../config/run-settings.ts";
import type { TextTask } from "./text-facts.ts";

/** What a text model's settings say about it that its folder does not, or says otherwise. */
export interface TextChoices {
  readonly task?: TextTask;
  /** An ONNX file to serve instead of other weights, relative to the folder. */
  readonly onnxFile?: string;
  /** Tokens of the longest text, special ones included, if that is less than the model takes. */
  readonly maxTokens?: number;
  /** Whether weights stay in their file, as pages that the system may drop and read again. Otherwise those of linear
   *  layers are copied into the host, in the order in which its kernels read them. */
  readonly isMapped?: boolean;
}

/** Undefined if the settings say nothing. */
export function textChoices(settings: RunSettings): TextChoices | undefined {
  const { textTask, onnxFile, textMaxTokens, textWeights } = settings;
  const choices: TextChoices = {
    ...(textTask !== "auto" && { task: textTask }),
    ...(onnxFile !== undefined && { onnxFile }),
    ...(textMaxTokens > 0 && { maxTokens: textMaxTokens }),
    ...(textWeights === "mapped" && { isMapped: true }),
  };
  return Object.keys(choices).length === 0 ? undefined : choices;
}
