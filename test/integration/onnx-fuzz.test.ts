import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fuzzRandom } from "../support/attacks/fuzz-seed.ts";
import { mutateBytes, type Random } from "../support/attacks/mutate.ts";
import { type Calls, callsOf, codeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds } from "../support/clients/clients.ts";
import { failsAtRun } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { conv, mlp } from "../support/models/layered-models.ts";
import {
  addConstant,
  addOne,
  identity,
  twoInputsTwoOutputs,
} from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { projectRoot } from "../support/servers/served.ts";

const loads = 240;
const loadLimitMs = 120_000;
/** INTERNAL is what an engine says that refuses a model; the others are said without asking it. */
const refusals = ["InvalidArgument", "FailedPrecondition", "ResourceExhausted", "Internal"];
const corpus = join(projectRoot, "test/fixtures/onnx");

/** A copy with one or two bytes changed in their places. */
function changeBytes(bytes: Uint8Array, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  for (let changes = 1 + random.below(2); changes > 0; changes--) {
    const at = random.below(changed.length);
    changed[at] =
      random.below(2) === 0 ? random.below(256) : (changed[at] ?? 0) ^ (1 << random.below(8));
  }
  return changed;
}

describe("files that are almost ONNX models", { timeout: 300_000 }, () => {
  let runtime: Runtime;
  let client: Client | undefined;
  let calls: Calls;
  before(async () => {
    runtime = await startRuntime();
    await runtime.put("neighbour.onnx", addConstant(2));
    client = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: runtime.port });
    assert.ok(client);
    calls = callsOf(client);
    assert.equal(codeIn(await calls.load("neighbour", "neighbour.onnx")), "OK");
  });
  after(async () => {
    client?.close();
    await runtime?.close();
  });

  /** Loads bytes as a model, and unloads it if that succeeds; how the load ended. */
  async function tryLoad(bytes: Uint8Array, what: string): Promise<string> {
    await runtime.put("mutant.onnx", bytes);
    const outcome = await calls.load("mutant", "mutant.onnx", { timeoutMs: loadLimitMs });
    const code = codeIn(outcome);
    assert.ok(code === "OK" || refusals.includes(code), `${what} ended with ${code}`);
    if (!outcome.ok) {
      assert.match(outcome.message, /\S/, what);
      assert.doesNotMatch(outcome.message, /internal error/i, what);
    }
    assert.equal(codeIn(await calls.unload("mutant")), "OK");
    if (outcome.ok) return code;
    if (/engine host/.test(outcome.message)) return "host lost";
    // The engine's own words follow the name of the file.
    return /(^|: )mutant\.onnx: /.test(outcome.message) ? "refused by the engine" : code;
  }

  async function assertUndisturbed(): Promise<void> {
    assert.deepEqual(valuesIn(await calls.infer("neighbour")), [3, 4, 5, 6]);
    assert.deepEqual(runtime.models.modelIds, ["neighbour"]);
  }

  it("load or are refused in words; hosts that they crash cost nobody else an answer", async (t) => {
    const random = fuzzRandom(t);
    const models = [
      addOne(),
      identity("BYTES"),
      conv(),
      failsAtRun(),
      twoInputsTwoOutputs(),
      slowLoop(),
      mlp({ inputs: 4, hidden: 8, outputs: 2 }),
    ];
    const outcomes: Record<string, number> = {};
    for (let round = 0; round < loads; round++) {
      const model = models[round % models.length] ?? addOne();
      // Most wounds that move bytes are found before the engine: others must come as far as that.
      const mutant = round % 3 === 0 ? mutateBytes(model, random) : changeBytes(model, random);
      const outcome = await tryLoad(mutant, `mutant ${round}, ${mutant.toString("base64")}`);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      if (outcome === "host lost") t.diagnostic(`crashed a host: ${mutant.toString("base64")}`);
      if (round % 10 === 0 || outcome === "host lost") await assertUndisturbed();
    }
    t.diagnostic(JSON.stringify(outcomes));
    assert.ok((outcomes["OK"] ?? 0) > 0 && (outcomes["InvalidArgument"] ?? 0) > 0);
    assert.ok((outcomes["refused by the engine"] ?? 0) > 0, "some must come as far as the engine");
    await assertUndisturbed();
  });

  it("of the corpus end the same way, one by one", async (t) => {
    const files = (await readdir(corpus)).filter((name) => name.endsWith(".onnx")).sort();
    assert.ok(files.length > 0);
    for (const file of files) {
      const outcome = await tryLoad(await readFile(join(corpus, file)), file);
      t.diagnostic(`${file}: ${outcome}`);
      await assertUndisturbed();
    }
  });
});
