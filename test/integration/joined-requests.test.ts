import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import {
  JoiningState,
  ModelState,
  type ModelStatus,
  RuntimeWatchService,
} from "../../gen/modelport/v1/runtime_watch_pb.ts";
import { packTexts } from "../../src/base/packed-texts.ts";
import type { Datatype } from "../../src/base/tensor.ts";
import { differingResult } from "../../src/engine/queue/same-results.ts";
import type { IndexedTensor } from "../../src/engine/wire/host-protocol.ts";
import { mlp } from "../support/models/layered-models.ts";
import { likeTheFirst, maskedAttention } from "../support/models/row-mixers.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const fixtures = join(projectRoot, "test/fixtures/joining");
const callers = 32;
const rounds = 12;
const kinds = 24;

type Values = ArrayBufferView;

interface Mixer {
  readonly input: string;
  readonly datatype: Datatype;
  readonly output: Datatype;
  /** `at` counts requests; about one to four rows each. */
  readonly values: (rows: number, at: number) => Values;
  /** Why its requests are not joined. */
  readonly reason: RegExp;
}

const small = (rows: number, at: number) =>
  Array.from({ length: rows }, (_, row) => 1 + ((7 * at + 3 * row) % 9));

const mixers: Readonly<Record<string, Mixer>> = {
  "cumsum-int": {
    ...{ input: "x", datatype: "INT64", output: "INT64", reason: /CumSum/ },
    values: (rows, at) => BigInt64Array.from(small(rows, at), BigInt),
  },
  "share-fp16": {
    ...{ input: "x", datatype: "FP16", output: "FP16", reason: /ReduceSum/ },
    // Numbers from 1 to 2.
    values: (rows, at) => Uint16Array.from(small(rows, at), (value) => 0x3c00 + 64 * value),
  },
  "any-bool": {
    ...{ input: "x", datatype: "BOOL", output: "INT32", reason: /ReduceMax/ },
    values: (rows, at) => Uint8Array.from(small(rows, at), (value) => (value > 6 ? 1 : 0)),
  },
  attention: {
    ...{ input: "ids", datatype: "INT64", output: "FP32", reason: /./ },
    values: (rows, at) => BigInt64Array.from(small(rows, at), (value) => BigInt(5 * value)),
  },
  first: {
    ...{ input: "x", datatype: "BYTES", output: "BOOL", reason: /./ },
    values: (rows, at) => packTexts(small(rows, at).map((value) => "abc".charAt(value % 3))),
  },
};

describe("requests of many callers at once", { timeout: 300_000 }, () => {
  let root: string;
  let served: Served;
  let inference: Client<typeof GRPCInferenceService>;
  let watch: Client<typeof RuntimeWatchService>;
  const errors: Record<string, unknown>[] = [];
  const loads: Record<string, unknown>[] = [];

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-joined-"));
    for (const name of ["cumsum-int", "share-fp16", "any-bool"]) {
      await copyFile(join(fixtures, `${name}.onnx`), join(root, `${name}.onnx`));
    }
    await writeFile(join(root, "attention.onnx"), maskedAttention());
    await writeFile(join(root, "first.onnx"), likeTheFirst());
    await writeFile(join(root, "mlp.onnx"), mlp({ inputs: 16, hidden: 32, outputs: 4 }));
    await mkdir(join(root, "promised"));
    await copyFile(join(fixtures, "cumsum-int.onnx"), join(root, "promised", "model.onnx"));
    await writeFile(join(root, "promised", "modelport.json"), '{"max_batch_size": 32}');
    served = await startServed(["--model-repository", root], {
      logged: (line) => {
        if (line["level"] === 50) errors.push(line);
        if (line["msg"] === "model loaded") loads.push(line);
      },
    });
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${served.port}` });
    inference = createClient(GRPCInferenceService, transport);
    watch = createClient(RuntimeWatchService, transport);
    await waitFor(async () => {
      const { snapshot } = await watch.getSnapshot({});
      return snapshot?.models.filter(({ state }) => state === ModelState.READY).length === 7;
    }, 60_000);
  });
  after(async () => {
    await served.stop();
    await rm(root, { recursive: true, force: true });
  });

  async function status(id: string): Promise<ModelStatus> {
    const { snapshot } = await watch.getSnapshot({});
    const found = snapshot?.models.find((model) => model.id === id);
    assert.ok(found, id);
    return found;
  }

  /** The figure of one series of /metrics. */
  async function metric(name: string, model: string, more = ""): Promise<number> {
    const page = await (await fetch(`http://127.0.0.1:${served.port}/metrics`)).text();
    const start = `${name}{model="${model}",version=""${more}} `;
    const line = page.split("\n").find((each) => each.startsWith(start));
    assert.ok(line, `${start} in ${page}`);
    return Number(line.slice(start.length));
  }

  async function infer(modelName: string, { input, datatype, output, values }: Mixer, at: number) {
    const rows = 1 + (at % 4);
    const { buffer, byteOffset, byteLength } = values(rows, at);
    const width = modelName === "mlp" ? [16] : [];
    const shape = [rows, ...width].map(BigInt);
    const answer = await inference.modelInfer({
      modelName,
      inputs: [{ name: input, datatype, shape }],
      rawInputContents: [new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength)],
    });
    const data = answer.rawOutputContents[0] ?? new Uint8Array();
    return { index: 0, datatype: output, shape: answer.outputs[0]?.shape.map(Number) ?? [], data };
  }

  /** How many of all answers were not those that the same requests have alone. */
  async function countWrong(name: string, model: Mixer): Promise<number> {
    const alone: IndexedTensor[] = [];
    for (let at = 0; at < kinds; at++) alone.push(await infer(name, model, at));
    let wrong = 0;
    for (let round = 0; round < rounds; round++) {
      await Promise.all(
        Array.from({ length: callers }, async (_, caller) => {
          const at = (round * 5 + caller * 7) % kinds;
          const answer = await infer(name, model, at);
          const expected = alone[at];
          assert.ok(expected);
          if (differingResult([expected], [answer]) !== undefined) wrong++;
        }),
      );
    }
    return wrong;
  }

  for (const [name, mixer] of Object.entries(mixers)) {
    it(`are answered as they are alone by '${name}', whose rows depend on each other`, async () => {
      assert.equal(await countWrong(name, mixer), 0);
      const { joining } = await status(name);
      assert.equal(joining?.state, JoiningState.OFF);
      assert.match(joining?.reason ?? "", mixer.reason);
    });
  }

  const layers: Mixer = {
    ...{ input: "x", datatype: "FP32", output: "FP32", reason: /./ },
    values: (rows, at) =>
      Float32Array.from({ length: 16 * rows }, (_, index) => Math.sin(at + index)),
  };

  it("are joined where rows are proven independent, and checked", async () => {
    assert.equal(await countWrong("mlp", layers), 0);
    const { joining } = await status("mlp");
    assert.equal(joining?.state, JoiningState.PROVEN);
    const sent = await metric("modelport_model_requests_total", "mlp", ',outcome="success"');
    assert.ok((await metric("modelport_model_runs_total", "mlp")) < sent, "some were joined");
    const checks = "modelport_model_join_checks_total";
    assert.ok((await metric(checks, "mlp", ',outcome="same"')) > 0);
    assert.equal(await metric(checks, "mlp", ',outcome="different"'), 0);
  });

  it("are still joined when the model's host was killed", async () => {
    const { hostPid } = await status("mlp");
    assert.notEqual(hostPid, 0);
    process.kill(hostPid, "SIGKILL");
    await waitFor(async () => {
      const model = await status("mlp");
      return model.hostPid !== hostPid && model.hostPid !== 0;
    });
    assert.equal((await status("mlp")).joining?.state, JoiningState.PROVEN);
    const reload = loads.filter(({ modelId }) => modelId === "mlp").at(-1);
    assert.equal(reload?.["joining"], "proven");
  });

  it("are right although its owner promises what does not hold, which is an error once for all", async () => {
    const mixer = mixers["cumsum-int"] as Mixer;
    assert.equal((await status("promised")).joining?.state, JoiningState.PROMISED);
    assert.equal(await countWrong("promised", mixer), 0);
    const reason = /^a joined run of \d+ rows differed from single runs in output 'y'$/;
    const { joining } = await status("promised");
    assert.equal(joining?.state, JoiningState.OFF);
    assert.match(joining.reason, reason);
    assert.equal(
      await metric("modelport_model_join_checks_total", "promised", ',outcome="different"'),
      1,
    );
    const [error, ...others] = errors.filter(
      ({ msg }) => msg === "joined runs differed from single ones",
    );
    assert.deepEqual(others, []);
    assert.equal(error?.["modelId"], "promised");
    assert.match(String(error?.["reason"]), reason);

    await inference.repositoryModelUnload({ modelName: "promised" });
    await inference.repositoryModelLoad({ modelName: "promised" });
    assert.equal((await status("promised")).joining?.state, JoiningState.OFF, "the same file");
    assert.equal(await countWrong("promised", mixer), 0);
    assert.equal(errors.length, 1);
  });
});
