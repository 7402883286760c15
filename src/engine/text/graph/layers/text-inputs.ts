/** Inputs that a graph may have: INT64 `[batch, tokens]`. `pooling_mask` is 1 for the tokens that count in the pooled
 *  vector, if prompts do not. */
export const textInputs = [
  "input_ids",
  "attention_mask",
  "token_type_ids",
  "position_ids",
  "pooling_mask",
] as const;

export type TextInput = (typeof textInputs)[number];
