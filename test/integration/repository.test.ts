import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import {
  GRPCInferenceService,
  type ModelRepositoryParameterSchema,
} from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { clientKinds, type Outcome } from "../support/clients/clients.ts";
import { junk } from "../support/models/failing-models.ts";
import { addConstant } from "../support/models/simple-models.ts";
import { startRuntime } from "../support/servers/runtime.ts";

const { repositoryIndex, repositoryModelLoad, repositoryModelUnload, modelInfer } =
  GRPCInferenceService.method;
const x = { name: "x", datatype: "FP32", shape: [1n, 4n] };

// KServe's clients name the model where Triton's name the repository.
const dialects = {
  Triton: (modelName: string) => ({ modelName, repositoryName: "" }),
  KServe: (repositoryName: string) => ({ repositoryName }),
};

for (const kind of clientKinds.filter(({ name }) => /^grpc-js|gRPC-Web, h1/.test(name))) {
  for (const [dialect, named] of Object.entries(dialects)) {
    describe(`the model repository over ${kind.name}, in ${dialect}'s dialect`, () => {
      /** A repository of "plain" (x + 1), "numbered" (x + its version: 2, 10) and "broken". */
      async function setUp(t: TestContext, lifecycleOwner: "auto" | "modelmesh" = "auto") {
        const runtime = await startRuntime({ engineHosts: 1, servesRoot: true, lifecycleOwner });
        t.after(() => runtime.close());
        const client = kind.open({ port: runtime.port });
        t.after(() => client.close());
        const put = async (name: string, bytes: Uint8Array) => {
          await mkdir(dirname(join(runtime.root, name)), { recursive: true });
          await runtime.put(name, bytes);
        };
        await put("plain.onnx", addConstant(1));
        await put("numbered/2/model.onnx", addConstant(2));
        await put("numbered/10/model.onnx", addConstant(10));
        await put("broken.onnx", junk(500));
        return {
          put,
          root: runtime.root,
          client,
          load: (name: string) => client.call(repositoryModelLoad, named(name)),
          unload: (name: string) => client.call(repositoryModelUnload, named(name)),
          /** "name/version STATE" of every model. */
          async index(ready = false) {
            const { models = [] } = messageOf(await client.call(repositoryIndex, { ready })) as {
              models?: { name: string; version?: string; state: string }[];
            };
            return models.map(({ name, version, state }) => `${name}/${version ?? ""} ${state}`);
          },
          /** What the model adds to x, or the code of the refusal. */
          async added(modelName: string, modelVersion = "") {
            const rawInputContents = [new Uint8Array(16)];
            const request = { modelName, modelVersion, inputs: [x], rawInputContents };
            const outcome = await client.call(modelInfer, request);
            if (!outcome.ok) return outcome.code;
            const { rawOutputContents } = outcome.message as { rawOutputContents: [string] };
            return Buffer.from(rawOutputContents[0], "base64").readFloatLE(0);
          },
        };
      }

      it("lists what is there, loads it, serves it, and unloads it", async (t) => {
        const { load, unload, index, added } = await setUp(t);
        assert.deepEqual(await index(), [
          "broken/ UNAVAILABLE",
          "numbered/2 UNAVAILABLE",
          "numbered/10 UNAVAILABLE",
          "plain/ UNAVAILABLE",
        ]);
        assert.deepEqual(await index(true), []);
        assert.equal(await added("plain"), "NotFound");

        const loaded = { modelName: "plain", isLoaded: true };
        assert.deepEqual(messageOf(await load("plain")), loaded);
        assert.equal(await added("plain"), 1);
        assert.deepEqual(messageOf(await load("plain")), loaded, "once more is no mistake");

        assert.ok((await load("numbered")).ok);
        assert.equal(await added("numbered"), 10);
        assert.equal(await added("numbered", "2"), 2);
        assert.deepEqual(await index(true), [
          "numbered/2 READY",
          "numbered/10 READY",
          "plain/ READY",
        ]);

        assert.deepEqual(messageOf(await unload("numbered")), {
          modelName: "numbered",
          isUnloaded: true,
        });
        assert.equal(await added("numbered"), "NotFound");
        assert.equal(await added("numbered", "2"), "NotFound");
        assert.equal(await added("plain"), 1);
        assert.deepEqual(await index(true), ["plain/ READY"]);
      });

      it("takes what has changed on the disk at the next load", async (t) => {
        const { put, root, load, added, index } = await setUp(t);
        assert.ok((await load("numbered")).ok);
        await put("numbered/10/model.onnx", addConstant(11));
        await put("numbered/11/model.onnx", addConstant(12));
        await rm(join(root, "numbered/2"), { recursive: true });
        assert.equal(await added("numbered"), 10, "nothing changes by itself");
        assert.ok((await load("numbered")).ok);
        assert.equal(await added("numbered"), 12);
        assert.equal(await added("numbered", "10"), 11);
        assert.equal(await added("numbered", "2"), "InvalidArgument");
        assert.deepEqual(await index(true), ["numbered/10 READY", "numbered/11 READY"]);
      });

      it("says why a model does not load, also in the index", async (t) => {
        const { load, client } = await setUp(t);
        const failed = await load("broken");
        assert.ok(!failed.ok);
        assert.equal(failed.code, "InvalidArgument");
        const { models } = messageOf(await client.call(repositoryIndex, {})) as {
          models: { name: string; reason: string }[];
        };
        const reason = models.find(({ name }) => name === "broken")?.reason ?? "";
        assert.equal(reason, failed.message);
        assert.match(reason, /broken/);
      });

      it("refuses a configuration or files that come with a load, by name", async (t) => {
        const { client, index } = await setUp(t);
        const load = (
          parameters: Record<string, MessageInitShape<typeof ModelRepositoryParameterSchema>>,
        ) => client.call(repositoryModelLoad, { ...named("plain"), parameters });
        const config = {
          config: { parameterChoice: { case: "stringParam", value: "{}" } },
        } as const;
        assertRefused(await load(config), "InvalidArgument", /parameter 'config'.*modelport\.json/);
        const bytes = { case: "bytesParam", value: addConstant(7) } as const;
        const files = { "file:1/model.onnx": { parameterChoice: bytes } };
        assertRefused(
          await load(files),
          "InvalidArgument",
          /'file:1\/model\.onnx'.*put the files into the repository/,
        );
        assert.deepEqual(await index(true), []);
      });

      it("refuses names that it does not have, or that are missing", async (t) => {
        const { load, unload } = await setUp(t);
        assertRefused(await load("nobody"), "NotFound", /'nobody' is not in the model repository/);
        assertRefused(await unload("nobody"), "NotFound", /'nobody' is not loaded/);
        assertRefused(await unload("plain"), "NotFound", /'plain' is not loaded/);
        assertRefused(await load("../plain"), "NotFound", /is not in the model repository/);
        for (const call of [load, unload]) {
          assertRefused(await call(""), "InvalidArgument", /names no model/);
        }
      });

      it("stays its own to change, whoever asks for the status of the runtime", async (t) => {
        const { load, unload, index, client } = await setUp(t);
        assert.ok((await load("plain")).ok);
        assert.ok((await client.call(ModelRuntime.method.runtimeStatus, {})).ok);
        assert.ok((await load("numbered")).ok);
        assert.ok((await unload("plain")).ok);
        assert.deepEqual(await index(true), ["numbered/2 READY", "numbered/10 READY"]);
      });

      it("is ModelMesh's to change if so set, but anybody's to look at", async (t) => {
        const { load, unload, index, client } = await setUp(t, "modelmesh");
        assert.ok((await client.call(ModelRuntime.method.runtimeStatus, {})).ok);
        for (const call of [load, unload]) {
          assertRefused(
            await call("plain"),
            "FailedPrecondition",
            /ModelMesh owns the lifecycle \(LIFECYCLE_OWNER=modelmesh\).* LIFECYCLE_OWNER=repository$/,
          );
        }
        assert.equal((await index()).length, 4);
      });
    });
  }
}

function messageOf(outcome: Outcome): JsonValue {
  if (outcome.ok) return outcome.message;
  throw new Error(`${outcome.code}: ${outcome.message}`);
}

function assertRefused(outcome: Outcome, code: string, message: RegExp): void {
  assert.ok(!outcome.ok);
  assert.equal(outcome.code, code, outcome.message);
  assert.match(outcome.message, message);
}
