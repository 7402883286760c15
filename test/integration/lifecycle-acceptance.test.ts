import assert from "node:assert/strict";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { NlpService } from "../../gen/caikit/nlp-service_pb.ts";
import type { HostKind } from "../../src/engine/contract/engine.ts";
import { type Calls, callsOf, codeIn, sizeIn, valuesIn } from "../support/clients/calls.ts";
import { type Client, clientKinds, type Outcome } from "../support/clients/clients.ts";
import {
  float4Io,
  junk,
  sequenceOutput,
  truncated,
  unknownOp,
} from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { mlp, weights, writeWeightsModel } from "../support/models/layered-models.ts";
import { addConstant, identity } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { waitFor } from "../support/wait-for.ts";

// Every situation of a model's life and its reply, over one client of each protocol.
const protocols = ["grpc-js", "connect-node gRPC-Web, h2", "connect-node Connect JSON, h1"];
const MiB = 1024 * 1024;
/** For two big models, and not for three. */
const capacityBytes = 140 * MiB;

for (const kind of clientKinds.filter(({ name }) => protocols.includes(name))) {
  describe(`model lifecycle over ${kind.name}`, () => {
    let runtime: Runtime;
    let client: Client;
    let calls: Calls;

    before(async () => {
      runtime = await startRuntime({ capacityBytes, drainTimeoutMs: 2000 });
      client = kind.open({ port: runtime.port });
      calls = callsOf(client);
      await runtime.put("add1.onnx", addConstant(1));
      await runtime.put("add5.onnx", addConstant(5));
      await runtime.put("slow.onnx", slowLoop());
      await runtime.put("unknown-op.onnx", unknownOp());
      await writeWeightsModel(join(runtime.root, "big.onnx"), 40 * MiB);
      await runtime.engine.ready;
    });
    after(async () => {
      client?.close();
      await runtime?.close();
    });

    /** Nothing is loaded, reserved or running, and no host but the shared ones and the spare is up. */
    async function assertEmpty(): Promise<void> {
      assert.deepEqual(runtime.models.modelIds, []);
      assert.equal(runtime.models.usedBytes, 0);
      assert.equal(runtime.models.leaseCount, 0);
      const hosts = runtime.engine.hosts();
      assert.deepEqual(
        hosts.filter(({ kind, models }) => kind === "dedicated" || models > 0),
        [],
      );
    }

    /** Has the hosts of `kind`, once `count` are up, stand still until the test ends, and with them every
     *  load that they get. Returns what has those that are left go on before. */
    async function holdHosts(t: TestContext, kind: HostKind, count: number): Promise<() => void> {
      const held = () => runtime.engine.hosts().filter((host) => host.kind === kind);
      await waitFor(() => held().length === count);
      const pids = held().map(({ pid }) => pid);
      for (const pid of pids) process.kill(pid, "SIGSTOP");
      const goOn = () => {
        const alive = new Set(runtime.engine.hosts().map(({ pid }) => pid));
        for (const pid of pids) if (alive.has(pid)) process.kill(pid, "SIGCONT");
      };
      t.after(goOn);
      return goOn;
    }

    it("loads, tells its measured size, runs and unloads", async () => {
      const loaded = sizeIn(await calls.load("m", "add1.onnx"));
      assert.ok(loaded >= 16 * 1024, `${loaded} bytes`);
      assert.equal(sizeIn(await calls.size("m")), loaded);
      assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
      assert.equal(codeIn(await calls.unload("m")), "OK");
      assert.equal(codeIn(await calls.size("m")), "NotFound");
      assert.equal(codeIn(await calls.infer("m")), "NotFound");
      await assertEmpty();
    });

    it("answers runtimeStatus READY with its limits, after a purge", async (t) => {
      await calls.load("m", "add1.onnx");
      await holdHosts(t, "spare", 1);
      const loading = calls.load("big", "big.onnx");
      await waitFor(() => runtime.models.modelIds.includes("big"));
      const status = await calls.status();
      assert.equal(codeIn(await loading), "Canceled");
      assert.ok(status.ok);
      assert.deepEqual(status.message, {
        status: "READY",
        capacityInBytes: String(capacityBytes),
        maxLoadingConcurrency: 2,
        modelLoadingTimeoutMs: 30_000,
        defaultModelSizeInBytes: "1000000",
        runtimeVersion: "test",
        methodInfos: {
          ...Object.fromEntries(
            ["ModelInfer", "ModelMetadata", "ModelReady"].map((method) => [
              `inference.GRPCInferenceService/${method}`,
              { idInjectionPath: [1] },
            ]),
          ),
          ...Object.fromEntries(
            NlpService.methods.map(({ name }) => [`${NlpService.typeName}/${name}`, {}]),
          ),
        },
      });
      await assertEmpty();
    });

    it("joins identical loads in flight and repeats the size of a loaded model", async () => {
      const answers = await Promise.all([1, 2, 3].map(() => calls.load("m", "add1.onnx")));
      const again = await calls.load("m", "add1.onnx");
      assert.equal(new Set([...answers, again].map(sizeIn)).size, 1);
      await calls.unload("m");
    });

    it("replaces a model on another path", async () => {
      await calls.load("m", "add1.onnx");
      assert.equal(codeIn(await calls.load("m", "add5.onnx")), "OK");
      assert.deepEqual(valuesIn(await calls.infer("m")), [6, 7, 8, 9]);
      await calls.unload("m");
      await assertEmpty();
    });

    it("keeps the model when what would replace it cannot be tried", async () => {
      await calls.load("m", "add1.onnx");
      assert.equal(codeIn(await calls.load("m", "missing.onnx")), "FailedPrecondition");
      assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
      await calls.unload("m");
    });

    it("refuses bad loads with a code and a line that name what is wrong", async () => {
      await runtime.put("junk.onnx", junk(5000));
      await runtime.put("truncated.onnx", truncated(weights({ bytes: 100_000 })));
      await runtime.put("empty.onnx", new Uint8Array());
      await runtime.put("float4.onnx", float4Io());
      await runtime.put("sequence.onnx", sequenceOutput());
      await mkdir(join(runtime.root, "nothing-here"), { recursive: true });
      await writeFile(join(runtime.root, "nothing-here", "notes.txt"), "no model");
      await mkdir(join(runtime.root, "sly"), { recursive: true });
      await symlink("/etc/hostname", join(runtime.root, "sly", "model.onnx")).catch(() => {});
      const cases: [call: () => Promise<Outcome>, code: string, message: RegExp][] = [
        [() => calls.load("", "add1.onnx"), "InvalidArgument", /modelId is empty/],
        [() => calls.load("m", ""), "InvalidArgument", /modelPath is empty/],
        [() => calls.load("x".repeat(1025), "add1.onnx"), "InvalidArgument", /1025 bytes long/],
        [() => calls.load("m", "no.onnx"), "FailedPrecondition", /'no\.onnx' does not exist/],
        [() => calls.load("m", "../etc"), "InvalidArgument", /outside the model directories/],
        [
          () => calls.load("m", "/etc/hostname"),
          "InvalidArgument",
          /outside the model directories/,
        ],
        [() => calls.load("m", "sly"), "InvalidArgument", /outside the model directories/],
        [() => calls.load("m", "nothing-here"), "InvalidArgument", /notes\.txt/],
        [() => calls.load("m", "junk.onnx"), "InvalidArgument", /junk\.onnx/],
        [() => calls.load("m", "truncated.onnx"), "InvalidArgument", /truncated\.onnx/],
        [() => calls.load("m", "empty.onnx"), "InvalidArgument", /empty\.onnx/],
        [() => calls.load("m", "unknown-op.onnx"), "InvalidArgument", /NoSuchOperator/],
        [() => calls.load("m", "float4.onnx"), "InvalidArgument", /input 'x' is FLOAT4E2M1/],
        [() => calls.load("m", "sequence.onnx"), "InvalidArgument", /'y'/],
        [
          () => calls.load("m", "add1.onnx", { type: "mt:sklearn:0" }),
          "InvalidArgument",
          /is not a scikit-learn model but an ONNX model/,
        ],
        [() => calls.load("m", "add1.onnx", { type: "mt:pmml:4" }), "InvalidArgument", /'pmml'/],
        [
          () => calls.load("m", "add1.onnx", { key: '{"schema_path":1}' }),
          "InvalidArgument",
          /schema_path/,
        ],
      ];
      for (const [call, code, message] of cases) {
        const outcome = await call();
        assert.equal(codeIn(outcome), code, JSON.stringify(outcome));
        const text = outcome.ok ? "" : outcome.message;
        assert.match(text, message);
        assert.doesNotMatch(text, /\n/);
        assert.ok(text.length <= 1024, text);
      }
      await assertEmpty();
    });

    it("takes odd ids, empty keys, keys that are not JSON, and labels of every form", async () => {
      for (const id of ["..", "a/../b", "two words", "🦊 naïve", "x".repeat(1024)]) {
        assert.equal(codeIn(await calls.load(id, "add1.onnx")), "OK", id);
        assert.deepEqual(valuesIn(await calls.infer(id)), [2, 3, 4, 5]);
        assert.equal(codeIn(await calls.unload(id)), "OK", id);
      }
      for (const [type, key] of [
        ["", ""],
        ["rt:modelport", "not JSON"],
        ["mt:onnx:1|pv:grpc-v2", "{}"],
        ["invalid", '{"model_type":{"name":"onnx","version":"1"},"disk_size_bytes":200}'],
      ] as const) {
        assert.equal(codeIn(await calls.load("m", "add1.onnx", { type, key })), "OK", type);
        await calls.unload("m");
      }
      await assertEmpty();
    });

    it("predicts an upper bound without the model being loaded, or even here", async () => {
      /** A prediction waits 30 ms for a look at the file, which a busy machine may exceed; it is the default size then. */
      const predict = async (path: string) => {
        let predicted = 1_000_000;
        for (let tries = 0; predicted === 1_000_000 && tries < 100; tries++) {
          predicted = sizeIn(await calls.predict(path));
        }
        return predicted;
      };
      await runtime.put("mlp.onnx", mlp({ inputs: 256, hidden: 448, outputs: 10 }));
      await runtime.put("fp16.onnx", weights({ bytes: 4 * MiB, datatype: "FP16" }));
      await runtime.put("id.onnx", identity("BYTES"));
      for (const path of ["add1.onnx", "mlp.onnx", "fp16.onnx", "id.onnx", "big.onnx"]) {
        const predicted = await predict(path);
        const loaded = sizeIn(await calls.load("m", path));
        assert.ok(predicted >= 0.9 * loaded, `${path}: predicted ${predicted}, loaded ${loaded}`);
        assert.ok(predicted >= 16 * 1024);
        await calls.unload("m");
        let again = 0;
        for (let tries = 0; again !== loaded && tries < 100; tries++) {
          again = sizeIn(await calls.predict(path));
        }
        assert.equal(again, loaded, `${path}: predicted again`);
      }
      assert.equal(sizeIn(await calls.predict("not/here/yet.onnx")), 1_000_000);
      assert.ok(sizeIn(await calls.predict("not.onnx", '{"disk_size_bytes":5000000}')) >= 5e6);
      assert.equal(sizeIn(await calls.predict("")), 1_000_000);
      assert.equal(sizeIn(await calls.predict("../elsewhere")), 1_000_000);
    });

    it("refuses what exceeds the memory, with the figures", async () => {
      await writeWeightsModel(join(runtime.root, "huge.onnx"), capacityBytes + 20 * MiB);
      const never = await calls.load("huge", "huge.onnx");
      assert.equal(codeIn(never), "ResourceExhausted");
      assert.match(
        never.ok ? "" : never.message,
        /needs [\d.]+ MiB, more than the whole capacity of [\d.]+ MiB/,
      );
      await calls.load("big", "big.onnx");
      await calls.load("big-2", "big.onnx");
      const full = await calls.load("big-3", "big.onnx");
      assert.equal(codeIn(full), "ResourceExhausted");
      assert.match(
        full.ok ? "" : full.message,
        /needs [\d.]+ MiB, [\d.]+ MiB of [\d.]+ MiB are free/,
      );
      // An unload in flight is worth waiting for.
      const unload = calls.unload("big");
      const fits = calls.load("big-3", "big.onnx");
      assert.deepEqual((await Promise.all([unload, fits])).map(codeIn), ["OK", "OK"]);
      await Promise.all(["big-2", "big-3"].map((id) => calls.unload(id)));
      await assertEmpty();
    });

    it("stops a load that is cancelled or runs out of time, and frees all of it", async (t) => {
      const caller = new AbortController();
      await holdHosts(t, "spare", 1);
      const cancelled = calls.load("big", "big.onnx", { signal: caller.signal });
      await waitFor(() => runtime.models.usedBytes > 0);
      caller.abort();
      assert.equal(codeIn(await cancelled), "Canceled");
      assert.equal(codeIn(await calls.unload("big")), "OK");
      await waitFor(() => runtime.models.usedBytes === 0);
      await holdHosts(t, "spare", 1);
      const late = await calls.load("big", "big.onnx", { timeoutMs: 60 });
      assert.equal(codeIn(late), "DeadlineExceeded");
      assert.equal(codeIn(await calls.unload("big")), "OK");
      await assertEmpty();
    });

    it("aborts a load by unload, and loads the id again at once", async (t) => {
      await holdHosts(t, "spare", 1);
      const loading = calls.load("big", "big.onnx");
      await waitFor(() => runtime.models.usedBytes > 0);
      const unload = calls.unload("big");
      const again = calls.load("big", "add1.onnx");
      assert.equal(codeIn(await loading), "Canceled");
      assert.equal(codeIn(await unload), "OK");
      assert.equal(codeIn(await again), "OK");
      assert.deepEqual(valuesIn(await calls.infer("big")), [2, 3, 4, 5]);
      await calls.unload("big");
      await assertEmpty();
    });

    it("is content to unload what is not there, over and over", async () => {
      for (const id of ["never", "", "🦊"]) assert.equal(codeIn(await calls.unload(id)), "OK");
      await calls.load("m", "add1.onnx");
      const answers = await Promise.all([1, 2, 3].map(() => calls.unload("m")));
      assert.deepEqual(answers.map(codeIn), ["OK", "OK", "OK"]);
    });

    it("drains running inferences, and admits no new ones", async () => {
      await calls.load("slow", "slow.onnx");
      const running = calls.inferSlowly("slow", 100);
      await waitFor(() => runtime.models.leaseCount === 1);
      const unload = calls.unload("slow");
      await waitFor(() => !runtime.models.isModelReady("slow"));
      assert.equal(codeIn(await calls.inferSlowly("slow", 1)), "NotFound");
      assert.deepEqual(valuesIn(await running), [1, 2, 3, 4]);
      assert.equal(codeIn(await unload), "OK");
      await assertEmpty();
    });

    it("drops a load that waits for its turn, at once", async (t) => {
      const goOn = await holdHosts(t, "shared", 2);
      const busy = ["busy", "busy-2"].map((id) => calls.load(id, "add1.onnx"));
      await waitFor(() => runtime.models.modelIds.length === 2);
      const waiting = calls.load("m", "add1.onnx");
      await waitFor(() => runtime.models.modelIds.includes("m"));
      assert.equal(codeIn(await calls.unload("m")), "OK");
      assert.equal(codeIn(await waiting), "Canceled");
      goOn();
      assert.deepEqual((await Promise.all(busy)).map(codeIn), ["OK", "OK"]);
      await Promise.all(["busy", "busy-2"].map((id) => calls.unload(id)));
      await assertEmpty();
    });

    it("starts from a clean slate after a failed load, with no unload between", async () => {
      assert.equal(codeIn(await calls.load("m", "unknown-op.onnx")), "InvalidArgument");
      assert.equal(codeIn(await calls.size("m")), "NotFound");
      assert.equal(codeIn(await calls.load("m", "add1.onnx")), "OK");
      assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
      await calls.unload("m");
      await assertEmpty();
    });

    it("aborts inferences that outlast the drain time, and gives the memory back", async () => {
      await calls.load("slow", "slow.onnx");
      // Many times the drain time.
      const running = calls.inferSlowly("slow", 1_000_000);
      await waitFor(() => runtime.models.leaseCount === 1);
      assert.equal(codeIn(await calls.unload("slow")), "OK");
      assert.equal(codeIn(await running), "Aborted");
      await assertEmpty();
    });

    it("stops waiting for an inference whose caller has gone", async () => {
      await calls.load("slow", "slow.onnx");
      const caller = new AbortController();
      const running = calls.inferSlowly("slow", 100, { signal: caller.signal });
      await waitFor(() => runtime.models.leaseCount === 1);
      caller.abort();
      assert.equal(codeIn(await running), "Canceled");
      await waitFor(() => runtime.models.leaseCount === 0);
      const late = await calls.inferSlowly("slow", 100, { timeoutMs: 50 });
      assert.equal(codeIn(late), "DeadlineExceeded");
      await calls.unload("slow");
      await assertEmpty();
    });

    it("says UNAVAILABLE, not NOT_FOUND, while a model is loading", async (t) => {
      const goOn = await holdHosts(t, "spare", 1);
      const loading = calls.load("big", "big.onnx");
      await waitFor(() => runtime.models.modelIds.includes("big"));
      const early = await calls.infer("big");
      assert.equal(codeIn(early), "Unavailable");
      goOn();
      assert.equal(codeIn(await loading), "OK");
      await calls.unload("big");
    });
  });
}

describe("a runtime whose hosts are not up yet", () => {
  it("answers STARTING, holds loads, and needs no runtimeStatus first", async () => {
    const runtime = await startRuntime();
    const kind = clientKinds.find(({ name }) => name === "grpc-js");
    const client = kind?.open({ port: runtime.port });
    try {
      assert.ok(client);
      const calls = callsOf(client);
      await runtime.put("add1.onnx", addConstant(1));
      const [status, load] = await Promise.all([calls.status(), calls.load("m", "add1.onnx")]);
      assert.deepEqual(status, { ok: true, message: {} }, "STARTING is the default value");
      assert.equal(codeIn(load), "OK");
      assert.deepEqual(valuesIn(await calls.infer("m")), [2, 3, 4, 5]);
    } finally {
      client?.close();
      await runtime.close();
    }
  });
});
