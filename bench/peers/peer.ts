import type { UnaryCall } from "../load/grpc-connection.ts";
import type { BenchModel } from "../models.ts";
import type { Program } from "../program.ts";
import type { Workbench } from "../workbench.ts";

export interface PeerModel {
  readonly model: BenchModel;
  /** The ONNX file. */
  readonly file: string;
}

/** A model server, and how to speak with it. */
export interface Peer {
  readonly name: string;
  /** Why it cannot be measured here, if it cannot. */
  readonly missing: string | undefined;
  /** Starts it on the servers' core, with these models loaded and ONNX Runtime on one thread. */
  start(bench: Workbench, models: readonly PeerModel[]): Promise<Program>;
  /** An inference with `elements` as input. */
  callOf(model: BenchModel, elements: Float32Array): UnaryCall;
  /** The output in the frame of an answer. */
  valuesIn(answer: Buffer): Float32Array;
}
