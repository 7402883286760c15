import type { TextInput } from "./layers/text-inputs.ts";

/** An ONNX graph that computes a text model. Inputs: INT64 `[batch, tokens]`. Its weights stay in the model's files. */
export interface TextGraph {
  readonly onnx: Uint8Array;
  /** All names of data files in the graph are relative to this folder. Absolute, without links. */
  readonly dataFolder: string;
  /** Absolute, without links, each once. */
  readonly dataFiles: readonly string[];
  /** Those that the graph has. Padding must be 0 in `attention_mask` and come after the text. */
  readonly inputs: readonly TextInput[];
  /** The output to ask for: FP32 `[batch, width]`, or `[batch, tokens, width]` for "token_logits". */
  readonly output: TextOutput;
  readonly width: number;
}

export type TextOutput = "embedding" | "logits" | "token_logits";
