import type { ConfigReader } from "../layers/config-reader.ts";
import type { Weights } from "../layers/model-weights.ts";
import type { Network } from "../layers/network.ts";

/** What a graph is made from. */
export interface Source {
  readonly net: Network;
  /** Those of the encoder, by their names without the family's prefix. */
  readonly weights: Weights;
  readonly config: ConfigReader;
}

/** The vectors of the tokens: FP32 `[batch, tokens, width]`. */
export interface Encoded {
  readonly tokens: string;
  readonly width: number;
}

export interface HeadSource extends Source, Encoded {
  /** Those of the head. */
  readonly own: Weights;
}

/** Logits: FP32 `[batch, labels]` of texts, `[batch, tokens, labels]` of tokens. */
export interface Logits {
  readonly logits: string;
  readonly labels: number;
}

export type Head = (source: HeadSource) => Logits;

/** Models of one architecture, which transformers' `model_type` names. */
export interface Family {
  /** What stands before the names of the encoder's tensors in files of models with a head. */
  readonly prefix: string;
  /** A tensor that the encoder always has. */
  readonly landmark: string;
  readonly encode: (source: Source) => Encoded;
  /** Undefined where models with such a head are not served. */
  readonly textHead?: Head;
  readonly tokenHead?: Head;
}
