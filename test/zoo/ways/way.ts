import type { ZooTensor } from "../zoo-tensor.ts";

/** One of the forms in which a client can ask for an inference. */
export interface Way {
  readonly name: string;
  /** Whether it can carry a tensor of this datatype. */
  carries(tensor: ZooTensor): boolean;
  /** Whether NaN and the infinities come back as themselves, or all as one. */
  readonly tellsNonFinite: boolean;
  /** Rejects if the server does not answer OK. */
  infer(model: string, inputs: readonly ZooTensor[]): Promise<ZooTensor[]>;
}
