import type { ModelInferRequest } from "../../../gen/inference/inference_pb.ts";
import type { Tensor } from "../../base/tensor.ts";

/** How the elements of tensors travel: all of them in raw_..._contents, or each in its own contents. */
export type TensorForm = "raw" | "typed";

/** What is looked at in a ModelInferRequest, whoever decoded it: protobuf-es, or our own decoder. */
export interface InferMessage {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: ModelInferRequest["parameters"];
  readonly inputs: readonly InferInput[];
  readonly outputs: readonly InferOutput[];
  /** Views into the message. */
  readonly rawInputContents: readonly Uint8Array[];
}

export interface InferOutput {
  readonly name: string;
  /** Absent where there are none. */
  readonly parameters?: ModelInferRequest["parameters"];
}

export interface InferInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly (number | bigint)[];
  readonly contents?: TypedContents | undefined;
}

/** Elements by kind, as plain arrays or as typed arrays of the field's width. Typed arrays may be views
 *  into the message. */
export interface TypedContents {
  /** 0 stands for false. */
  readonly boolContents: ArrayLike<boolean | number>;
  readonly intContents: ArrayLike<number>;
  readonly int64Contents: ArrayLike<bigint>;
  readonly uintContents: ArrayLike<number>;
  readonly uint64Contents: ArrayLike<bigint>;
  readonly fp32Contents: ArrayLike<number>;
  readonly fp64Contents: ArrayLike<number>;
  readonly bytesContents: readonly Uint8Array[] | PackedStrings;
}

/** Elements of BYTES as tensors have them: each is its length as uint32, then its bytes. */
export class PackedStrings {
  readonly length: number;
  readonly data: Uint8Array;

  constructor(length: number, data: Uint8Array) {
    this.length = length;
    this.data = data;
  }
}

/** What goes into a ModelInferResponse. */
export interface InferAnswer {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly outputs: readonly Tensor[];
  /** As the request was; one output that has no typed form turns all of them raw. */
  readonly form: TensorForm;
}
