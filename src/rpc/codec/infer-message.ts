import type { ModelInferRequest } from "../../../gen/inference/inference_pb.ts";
import type { Tensor } from "../../base/tensor.ts";

/** How the elements of tensors travel: all in raw_..._contents, or each in its tensor's own contents. */
export type TensorForm = "raw" | "typed";

/** The fields of a ModelInferRequest that are used, whichever decoder read it: protobuf-es, or our own. */
export interface InferMessage {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: ModelInferRequest["parameters"];
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly InferOutput[];
  /** Views of the message. */
  readonly rawInputContents: readonly Uint8Array[];
}

export interface InferOutput {
  readonly name: string;
  /** Absent if there are none. */
  readonly parameters?: ModelInferRequest["parameters"];
}

export interface InferInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | bigint)[];
  /** Absent if there are none. */
  readonly parameters?: ModelInferRequest["parameters"] | undefined;
  readonly contents?: TypedContents | undefined;
}

/** Elements by kind, as plain arrays or as typed arrays of the field's width. Typed arrays may be views of the
 *  message. */
export interface TypedContents {
  /** 0 means false. */
  readonly boolContents: ArrayLike<boolean | number>;
  readonly intContents: ArrayLike<number>;
  readonly int64Contents: ArrayLike<bigint>;
  readonly uintContents: ArrayLike<number>;
  readonly uint64Contents: ArrayLike<bigint>;
  readonly fp32Contents: ArrayLike<number>;
  readonly fp64Contents: ArrayLike<number>;
  readonly bytesContents: readonly Uint8Array[] | PackedStrings;
}

/** BYTES elements in tensor layout: each is its length as uint32, then its bytes. */
export class PackedStrings {
  readonly length: number;
  readonly data: Uint8Array;

  constructor(length: number, data: Uint8Array) {
    this.length = length;
    this.data = data;
  }
}

/** The contents of a ModelInferResponse. */
export interface InferAnswer {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly outputs: readonly Tensor[];
  /** The form of the request; one output without a typed form makes all of them raw. */
  readonly form: TensorForm;
}
