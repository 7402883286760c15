import { RuntimeError } from "../../../base/errors.ts";
import type { Tensor, TensorSpec } from "../../../base/tensor.ts";
import type { HostModel } from "../../contract/host-engine.ts";
import type { LoadPlan } from "../rewrite/load-plan.ts";
import { engineMessage, memoryRefusal } from "../types/engine-message.ts";
import type { OrtValue } from "../types/ort-value.ts";
import { SessionEdge } from "./edge.ts";
import type { Session } from "./open-session.ts";

type OrtFeeds = Parameters<Session["run"]>[0];

/** A session as a model. */
export class OnnxModel implements HostModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #session: Session;
  /** By the names that clients use. */
  readonly #inputs: ReadonlyMap<string, SessionEdge>;
  readonly #outputs: ReadonlyMap<string, SessionEdge>;
  /** Default values for omitted inputs, by the session's names. */
  readonly #defaults = new Map<string, OrtValue>();

  constructor(session: Session, plan: LoadPlan) {
    this.#session = session;
    const { inputMetadata, outputMetadata } = session;
    this.#inputs = byName(inputMetadata.map((value) => new SessionEdge(value, "input", plan)));
    this.#outputs = byName(outputMetadata.map((value) => new SessionEdge(value, "output", plan)));
    this.outputs = [...this.#outputs.values()].map(({ spec }) => spec);
    const inputs = [...this.#inputs.values()].map(({ spec }) => spec);
    this.inputs = [
      ...inputs.filter(({ isOptional }) => !isOptional),
      ...inputs.filter(({ isOptional }) => isOptional),
    ];
    for (const [name, tensor] of plan.defaults) {
      const edge = this.#inputs.get(name);
      if (edge !== undefined) this.#defaults.set(edge.name, edge.defaultValue(tensor));
    }
  }

  run(inputs: readonly Tensor[], outputs: readonly string[]): Tensor[] {
    // Names come from the model file: one may well be "__proto__".
    const feeds: Record<string, OrtValue> = Object.create(null);
    for (const [name, value] of this.#defaults) feeds[name] = value;
    for (const tensor of inputs) {
      const edge = edgeOf(this.#inputs, tensor.name);
      feeds[edge.name] = edge.toSession(tensor);
    }
    const wanted = outputs.map((name) => edgeOf(this.#outputs, name));
    const fetches: Record<string, null> = Object.create(null);
    for (const { name } of wanted) fetches[name] = null;
    let results: Readonly<Record<string, unknown>>;
    try {
      results = this.#session.run(feeds as unknown as OrtFeeds, fetches, {});
    } catch (error) {
      throw runError(error);
    }
    return wanted.map((edge) => edge.fromSession(results[edge.name]));
  }

  release(): void {
    this.#session.dispose();
  }
}

function byName(edges: readonly SessionEdge[]): ReadonlyMap<string, SessionEdge> {
  return new Map(edges.map((edge) => [edge.spec.name, edge]));
}

function edgeOf(edges: ReadonlyMap<string, SessionEdge>, name: string): SessionEdge {
  const edge = edges.get(name);
  if (edge === undefined) throw new RuntimeError("invalid-argument", `the model has no '${name}'`);
  return edge;
}

/** ONNX Runtime's messages when it refuses inputs before it runs anything. */
const inputRefusal = /^(Got invalid dimensions|Invalid rank|Unexpected input data type)/;

function runError(error: unknown): RuntimeError {
  const message = engineMessage(error);
  if (memoryRefusal.test(message)) {
    return new RuntimeError(
      "over-budget",
      `the run needs more memory than its engine host may take: ${message}`,
    );
  }
  return new RuntimeError(inputRefusal.test(message) ? "invalid-argument" : "run-failed", message);
}
