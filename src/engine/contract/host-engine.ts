import type { Tensor, TensorSpec } from "../../base/tensor.ts";
import type { FileAccess } from "./file-access.ts";
import type { TextChoices } from "./text-choices.ts";

/** What an engine offers inside a host process. It may block: the host does nothing else meanwhile. */
export interface HostEngine {
  /** Sessions from now on run on an NVIDIA GPU, as far as it has their operators. Absent: this engine has no sessions of
   *  its own. */
  useCuda?(): void;

  /** Loads `file`, an absolute path without links. Opens it and its data files once, and only where `access`
   *  allows. Throws with a readable message; then no memory of the attempt remains. */
  load(
    file: string,
    options: {
      readonly threads: number;
      readonly access?: FileAccess;
      readonly choices?: TextChoices | undefined;
    },
  ): HostModel | Promise<HostModel>;
}

/** A model in this process's memory. The host calls its methods one at a time. */
export interface HostModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** JavaScript memory that it holds, in bytes: the growth of a host's heap is not measured. Absent: hardly any. */
  readonly heapBytes?: number;

  /** Inputs of `rows` rows for the runs that end a load. Absent: zeros do. */
  sampleInputs?(rows: number): readonly Tensor[];

  /** One tensor for each name in `outputs`, in order. Throws RuntimeError "invalid-argument" for values that
   *  the engine cannot take, and "run-failed" for everything else. */
  run(inputs: readonly Tensor[], outputs: readonly string[]): Tensor[] | Promise<Tensor[]>;

  /** Frees the model's memory. Called once. */
  release(): void | Promise<void>;
}
