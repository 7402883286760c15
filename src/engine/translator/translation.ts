/** A model file of another library, translated. */
export interface Translation {
  /** Bytes of an ONNX model: input `input` of shape `[N, columns]` (or one input per named column), outputs
   *  `predict`, `predict_proba`, `transform` and `margin`, as far as the model has them. */
  readonly onnx: Uint8Array;
  /** Inner nodes of all trees in `onnx`, 0 without trees. What a session holds follows from them. */
  readonly splits: number;
}

export interface TranslationOptions {
  /** A model with more splits is refused, before its ONNX is made: the load could not hold them. */
  readonly maxSplits: number;
  /** Which rounds of boosting count if training stopped early: up to the best one, as the libraries' scikit-learn
   *  interfaces and MLServer do, or all, as KServe's server does. The default is "best". */
  readonly rounds?: "best" | "all";
}

/** Translates the content of one model file. Synchronous: it is to run in a process of its own. Throws RuntimeError
 *  "invalid-argument" with one sentence: what the file is, what is wrong with it and where (tree and node, class,
 *  opcode), and what to do. */
export type Translate = (file: Uint8Array, options: TranslationOptions) => Translation;
