import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { describe, it } from "node:test";
import { RuntimeError } from "../../src/base/errors.ts";
import type { Tensor } from "../../src/base/tensor.ts";
import type { LoadedModel, RunMeter } from "../../src/engine/contract/engine.ts";
import { differingResult } from "../../src/engine/queue/same-results.ts";
import { fuzzRandom } from "../support/attacks/fuzz-seed.ts";
import type { Random } from "../support/attacks/mutate.ts";
import { type RandomGraph, randomGraph } from "../support/onnx/random-graphs.ts";
import { randomTensor } from "../support/onnx/random-values.ts";
import { forever, inspectAt, startEngine } from "../support/servers/engine-fixture.ts";

/** A long search is 200,000. */
const wantedAnswers = Number(process.env["MODELPORT_JOINED_ANSWERS"] ?? 10_000);
const kindsOfRequest = 12;
/** At most, of a model that is joined; and of one that is not, which has nothing to show. */
const answersOf = { joined: 600, single: 40 };
const limitMs = 300_000 + wantedAnswers * 10;

interface Known {
  readonly inputs: readonly Tensor[];
  /** What it comes to alone: tensors, or the kind of the failure. */
  readonly alone: readonly Tensor[] | string;
}

interface Totals {
  graphs: number;
  proven: number;
  /** Of models that are joined. */
  answers: number;
  single: number;
  runs: number;
  /** Answers of runs with others. */
  joined: number;
  compared: { same: number; different: number };
  refused: number;
  /** Models of which joined runs fail for values that single runs take, by which nobody gets a wrong answer. */
  failing: number;
}

function newTotals(): Totals {
  const compared = { same: 0, different: 0 };
  return {
    graphs: 0,
    proven: 0,
    answers: 0,
    single: 0,
    runs: 0,
    joined: 0,
    compared,
    refused: 0,
    failing: 0,
  };
}

function meterOf(totals: Totals): RunMeter {
  return {
    answered: () => {},
    ran: ({ requests }) => {
      totals.runs++;
      if (requests > 1) totals.joined += requests;
    },
    compared: (isSame) => totals.compared[isSame ? "same" : "different"]++,
  };
}

function newRequest(random: Random, { inputs }: RandomGraph): Tensor[] {
  const rows = 1 + random.below(3);
  return inputs.map(({ name, datatype, sizes }) =>
    randomTensor(random, { name, datatype, shape: [rows, ...sizes.slice(1)] }),
  );
}

/** Buffers are handed over: each call gets its own. */
async function infer(model: LoadedModel, inputs: readonly Tensor[]): Promise<Known["alone"]> {
  const own = inputs.map((tensor) => ({ ...tensor, data: new Uint8Array(tensor.data) }));
  const outputs = model.metadata.outputs.map(({ name }) => name);
  try {
    return await model.infer({ inputs: own, outputs }, forever);
  } catch (error) {
    if (error instanceof RuntimeError) return error.kind;
    throw error;
  }
}

/** Nodes that no output needs fail for some numbers of rows: who fails by that alone may do without among others. */
function isSame(alone: Known["alone"], other: Known["alone"]): boolean {
  if (typeof alone === "string") return true;
  if (typeof other === "string") return false;
  const indexed = (tensors: readonly Tensor[]) =>
    tensors.map((each, index) => ({ ...each, index }));
  return differingResult(indexed(alone), indexed(other)) === undefined;
}

describe("requests for random graphs, of 2 to 64 callers", { timeout: limitMs }, () => {
  it(`have the answers that they have alone, ${wantedAnswers} of them`, async (t) => {
    const random = fuzzRandom(t);
    const { engine, put } = await startEngine(t, { hosts: 1 });
    const totals = newTotals();
    while (totals.answers < wantedAnswers) {
      const graph = randomGraph(random);
      if (graph === undefined) continue;
      const path = await put(`${totals.graphs++}.onnx`, graph.model);
      const source = await inspectAt(engine, path, undefined);
      let model: LoadedModel;
      try {
        const meter = meterOf(totals);
        model = await engine.load(source, { signal: forever, isolated: false, meter });
      } catch (error) {
        assert.ok(error instanceof RuntimeError && error.kind === "invalid-argument", `${error}`);
        totals.refused++;
        continue;
      }
      await search(random, { graph, model, totals });
      await model.unload();
      await rm(path);
    }
    t.diagnostic(JSON.stringify(totals));
    assert.equal(totals.compared.different, totals.failing);
    assert.ok(totals.failing <= 1 + totals.proven / 20, "hardly any fail");
    // How many depends on the machine: runs of one row may cost next to nothing.
    assert.ok(totals.joined > totals.answers / 10, "many were joined");
  });
});

async function search(
  random: Random,
  { graph, model, totals }: { graph: RandomGraph; model: LoadedModel; totals: Totals },
): Promise<void> {
  const isProven = model.joining.state === "proven";
  if (isProven) totals.proven++;
  const known: Known[] = [];
  for (let kind = 0; kind < kindsOfRequest; kind++) {
    const inputs = newRequest(random, graph);
    known.push({ inputs, alone: await infer(model, inputs) });
  }
  const callers = 2 + random.below(63);
  const most = isProven ? 100 + random.below(answersOf.joined) : answersOf.single;
  const rounds = Math.ceil(most / callers);
  for (let round = 0; round < rounds; round++) {
    await Promise.all(
      Array.from({ length: callers }, async () => {
        const { inputs, alone } = known[random.below(known.length)] as Known;
        const answer = await infer(model, inputs);
        if (!isSame(alone, answer)) {
          assert.fail(
            `${describeAnswer(alone)} alone, ${describeAnswer(answer)} joined:\n${graph.text}`,
          );
        }
      }),
    );
  }
  totals[isProven ? "answers" : "single"] += callers * rounds;
  if (model.joining.state === "proven" || !isProven) return;
  if (!model.joining.reason.includes("failed")) {
    assert.fail(`${model.joining.reason}:\n${graph.text}`);
  }
  totals.failing++;
}

function describeAnswer(answer: Known["alone"]): string {
  if (typeof answer === "string") return answer;
  return answer
    .map(
      ({ name, datatype, shape, data }) =>
        `${name} ${datatype}[${shape}] ${Buffer.from(data).toString("hex")}`,
    )
    .join(", ");
}
