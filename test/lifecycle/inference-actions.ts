import { RuntimeError } from "../../src/base/errors.ts";
import type { InferenceRequest } from "../../src/service/contract/models.ts";
import type { World } from "./world.ts";

const request: InferenceRequest = {
  version: "",
  inputs: [{ name: "x", datatype: "FP32", shape: [1], data: new Uint8Array(4) }],
  outputs: [],
};

/** What an inference may end in once its model was found. */
const runFailures: ReadonlySet<string> = new Set([
  "run-failed",
  "aborted",
  "cancelled",
  "host-lost",
  "load-failed",
  "temporarily-unavailable",
  "deadline-exceeded",
  "shutting-down",
]);

export function infer(world: World, a: number): string {
  const { manager, violations } = world;
  const id = world.ids[a % world.ids.length] ?? "";
  const label = `infer ${id}`;
  const refusal = refusalOf(world, id);
  const generations = world.generationsOf(id);
  world.callers.start({
    label,
    endsWhenLeft: true,
    make: (signal) => manager.infer(id, request, signal),
    judge: (ending) => {
      if (ending.tag === "refused") {
        violations.expect(
          refusal === undefined ? runFailures.has(ending.kind) : ending.kind === refusal,
          "model-not-found is said of models that are absent, and of no others",
          () => `${label}: ${ending.message}, expected ${refusal ?? "none or the run's"}`,
        );
      }
      if (ending.tag !== "value") return;
      const [output] = ending.value.outputs;
      const serial = new Float32Array(output?.data.slice().buffer ?? new ArrayBuffer(4))[0] ?? 0;
      const signal = world.engine.signalOf(serial);
      violations.expect(
        refusal === undefined && generations.some(({ record }) => record.signal === signal),
        "an inference is answered by the generation that it was asked of",
        () =>
          `${label} by ${signal && world.watch.of(signal)?.name}, expected ${refusal ?? "another"}`,
      );
    },
  });
  return label;
}

/** The sync questions: size, describe, isModelReady. */
export function ask(world: World, a: number): string {
  const { manager, reference, violations } = world;
  const id = world.ids[a % world.ids.length] ?? "";
  const refusal = refusalOf(world, id);
  const expected = reference.expected(id);
  const size = attempt(() => manager.size(id));
  const rule = "answers agree with the reference model";
  const show = () =>
    `${id} is expected ${JSON.stringify(expected)}, its size is ${size}, ready ${manager.isModelReady(id)}`;
  violations.expect(
    refusal === undefined ? typeof size === "number" : size === refusal,
    "model-not-found is said of models that are absent, and of no others",
    show,
  );
  if (expected.tag === "loaded") {
    violations.expect(size === expected.sizeBytes && manager.isModelReady(id), rule, show);
    violations.expect(attempt(() => manager.describe(id, "").platform) === "simulated", rule, show);
  }
  if (expected.tag === "absent") {
    violations.expect(typeof size !== "number" && !manager.isModelReady(id), rule, show);
  }
  return `ask of ${id}: ${size}`;
}

/** The kind of error that every question about an id must be refused with now; undefined if none. Where
 *  the reference model has an opinion, it decides, and otherwise the states that were seen. */
function refusalOf(world: World, id: string): string | undefined {
  const stations = world.generationsOf(id).map(({ station }) => station);
  const serves = stations.some((station) => station === "ready" || station === "reloading");
  const comes = stations.some((station) => station === "queued" || station === "loading");
  const expected = world.reference.expected(id);
  if (expected.tag === "loaded" || (expected.tag === "open" && serves)) return undefined;
  if (world.isClosed) return "shutting-down";
  return expected.tag === "open" && comes ? "model-not-ready" : "model-not-found";
}

function attempt<Value>(question: () => Value): Value | string {
  try {
    return question();
  } catch (reason) {
    if (reason instanceof RuntimeError) return reason.kind;
    throw reason;
  }
}
