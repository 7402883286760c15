import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  GRPCInferenceService,
  type ModelInferRequestSchema,
} from "../../gen/inference/inference_pb.ts";
import { type Client, clientKinds, type Outcome } from "../support/clients/clients.ts";
import { errorKinds } from "../support/fakes/error-kinds.ts";
import { startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { failsAtRun, junk } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Runtime, startRuntime } from "../support/servers/runtime.ts";
import { waitFor } from "../support/wait-for.ts";

// ModelMesh loads a model anew when it hears NOT_FOUND, or a message that it takes for that.

const { modelInfer, modelMetadata } = GRPCInferenceService.method;
type InferRequest = MessageInitShape<typeof ModelInferRequestSchema>;

const four = new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer);
const x = { name: "x", datatype: "FP32", shape: [1n, 4n] };
const good = { modelName: "m", inputs: [x], rawInputContents: [four] };
const typed = { ...x, contents: { fp32Contents: [1, 2, 3, 4] } };

// By the code that ModelMesh looks at beside the message.
const takenForNotFound: Readonly<Record<string, RegExp>> = {
  InvalidArgument: /^Model .* not found$/,
  Unavailable: /^Request for unknown model.*( is not found| has no available versions)$/,
};

/** The code of the answer; fails if its message would make ModelMesh load the model anew. */
function checkedCode(outcome: Outcome): string {
  if (outcome.ok) return "OK";
  const { code, message } = outcome;
  assert.notEqual(message, "");
  const shape = takenForNotFound[code];
  if (shape !== undefined) assert.doesNotMatch(message, shape);
  return code;
}

const magic = ["Model x not found", "Request for unknown model: 'x' is not found"];

// Every way in which a request for a model that is loaded can be wrong.
const wrong: Record<string, InferRequest> = {
  "a version": { ...good, modelVersion: "7" },
  "a version that is not a number": { ...good, modelVersion: magic[0] ?? "" },
  "no input": { modelName: "m" },
  "an unknown input": { ...good, inputs: [{ ...x, name: "z" }] },
  "an input twice": { ...good, inputs: [x, x], rawInputContents: [four, four] },
  "one input too many": {
    ...good,
    inputs: [x, { ...x, name: "z" }],
    rawInputContents: [four, four],
  },
  "an unknown datatype": { ...good, inputs: [{ ...x, datatype: "FLOAT" }] },
  "another datatype": { ...good, inputs: [{ ...x, datatype: "INT32" }] },
  "a typed tensor of a datatype without typed form": {
    modelName: "m",
    inputs: [{ ...typed, datatype: "FP16" }],
  },
  "elements in the field of another datatype": {
    modelName: "m",
    inputs: [{ ...x, contents: { intContents: [1, 2, 3, 4] } }],
  },
  "too few elements": { modelName: "m", inputs: [{ ...x, contents: { fp32Contents: [1] } }] },
  "another rank": { ...good, inputs: [{ ...x, shape: [4n] }] },
  "another shape": { ...good, inputs: [{ ...x, shape: [1n, 5n] }] },
  "a negative dimension": { ...good, inputs: [{ ...x, shape: [-1n, 4n] }] },
  "a shape beyond counting": { ...good, inputs: [{ ...x, shape: [2n ** 62n, 2n ** 62n] }] },
  "too few bytes": { ...good, rawInputContents: [four.subarray(1)] },
  "too many raw tensors": { ...good, rawInputContents: [four, four] },
  "contents beside raw tensors": { ...good, inputs: [typed] },
  "an unknown output": { ...good, outputs: [{ name: "z" }] },
  "an output twice": { ...good, outputs: [{ name: "y" }, { name: "y" }] },
  "a timeout that is none": {
    ...good,
    parameters: { timeout: { parameterChoice: { case: "stringParam", value: "soon" } } },
  },
  ...Object.fromEntries(
    magic.flatMap((name) => [
      [`the input "${name}"`, { ...good, inputs: [{ ...x, name }] }],
      [`the datatype "${name}"`, { ...good, inputs: [{ ...x, datatype: name }] }],
      [`the output "${name}"`, { ...good, outputs: [{ name }] }],
    ]),
  ),
};

for (const kind of clientKinds.filter(({ name }) =>
  ["grpc-js", "connect-node gRPC-Web, h1", "connect-node Connect JSON, h2"].includes(name),
)) {
  describe(`NOT_FOUND over ${kind.name}`, () => {
    const cleanup = suiteCleanup();
    let runtime: Runtime;
    let client: Client;
    before(async () => {
      runtime = await startRuntime();
      cleanup.after(() => runtime.close());
      client = kind.open({ port: runtime.port });
      cleanup.after(async () => client.close());
      await runtime.put("m.onnx", addOne());
      await runtime.put("fails.onnx", failsAtRun());
      await runtime.put("slow.onnx", slowLoop());
      await runtime.put("junk.onnx", junk(1000));
      for (const id of ["m", "fails", "slow"]) await load(id, `${id}.onnx`);
    });
    const load = (id: string, path: string) =>
      runtime.models.load({ id, path, type: "", key: "" }, AbortSignal.timeout(60_000));
    const codes = async (id: string, header: Record<string, string> = {}) => [
      checkedCode(await client.call(modelInfer, { ...good, modelName: id }, { header })),
      checkedCode(await client.call(modelMetadata, { name: id }, { header })),
    ];

    it("is the answer for a model that was never loaded, whatever its name", async () => {
      for (const id of ["nobody", "größe/模型 ☃", "m ", "M", "..", "m\x001", ...magic]) {
        assert.deepEqual(await codes(id), ["NotFound", "NotFound"], id);
      }
      assert.deepEqual(await codes("m", { "mm-model-id": "nobody" }), ["NotFound", "NotFound"]);
      assert.deepEqual(await codes("nobody", { "mm-model-id": "m" }), ["OK", "OK"]);
    });

    it("comes before any look at the version or the tensors", async () => {
      for (const request of [{ modelVersion: "1" }, { inputs: [] }]) {
        const outcome = await client.call(modelInfer, { modelName: "nobody", ...request });
        assert.equal(checkedCode(outcome), "NotFound");
      }
      const versioned = await client.call(modelMetadata, { name: "nobody", version: "1" });
      assert.equal(checkedCode(versioned), "NotFound");
    });

    it("is the answer for a model that was unloaded, or whose load failed", async () => {
      await load("gone", "m.onnx");
      assert.deepEqual(await codes("gone"), ["OK", "OK"]);
      await runtime.models.unload("gone");
      assert.deepEqual(await codes("gone"), ["NotFound", "NotFound"]);
      await assert.rejects(load("broken", "junk.onnx"));
      assert.deepEqual(await codes("broken"), ["NotFound", "NotFound"]);
    });

    for (const [what, request] of Object.entries(wrong)) {
      it(`is not the answer for ${what}`, async () => {
        const outcome = await client.call(modelInfer, request);
        assert.equal(checkedCode(outcome), "InvalidArgument");
      });
    }

    it("is not the answer for an unknown version in ModelMetadata", async () => {
      for (const version of ["7", "latest", ...magic]) {
        const outcome = await client.call(modelMetadata, { name: "m", version });
        assert.equal(checkedCode(outcome), "InvalidArgument");
      }
    });

    it("is not the answer for an id that is missing or malformed", async () => {
      const invalid = ["InvalidArgument", "InvalidArgument"];
      assert.deepEqual(await codes(""), invalid);
      for (const value of ["abcde", Buffer.of(0xff).toString("base64")]) {
        // grpc-js decodes values of binary metadata and encodes them anew, so it cannot send the first.
        if (kind.name === "grpc-js" && value === "abcde") continue;
        assert.deepEqual(await codes("m", { "mm-model-id-bin": value }), invalid);
      }
    });

    it("is not the answer for a run that fails", async () => {
      const outcome = await client.call(modelInfer, {
        modelName: "fails",
        inputs: [
          { name: "index", datatype: "INT64", shape: [1n], contents: { int64Contents: [9n] } },
        ],
      });
      assert.equal(checkedCode(outcome), "Internal");
    });

    it("is not the answer for a run that takes too long", async () => {
      const n = { name: "n", datatype: "INT64", shape: [1n], contents: { int64Contents: [100n] } };
      const inputs = [typed, n];
      const parameters = { timeout: { parameterChoice: { case: "int64Param", value: 50_000n } } };
      const slow = { modelName: "slow", inputs };
      const byCall = await client.call(modelInfer, slow, { timeoutMs: 50 });
      assert.equal(checkedCode(byCall), "DeadlineExceeded");
      const byParameter = await client.call(modelInfer, {
        ...slow,
        parameters: parameters as NonNullable<InferRequest["parameters"]>,
      });
      assert.equal(checkedCode(byParameter), "DeadlineExceeded");
    });

    it("is not the answer while the model is loading", async () => {
      // Its hosts are not up yet, so that the load has to wait for them.
      const young = await startRuntime();
      cleanup.after(() => young.close());
      const youngClient = kind.open({ port: young.port });
      cleanup.after(async () => youngClient.close());
      const path = await young.put("m.onnx", addOne());
      const loading = young.models.load(
        { id: "m", path, type: "", key: "" },
        AbortSignal.timeout(60_000),
      );
      await waitFor(() => young.models.modelIds.includes("m"));
      const early = await Promise.all([
        youngClient.call(modelInfer, good),
        youngClient.call(modelMetadata, { name: "m" }),
      ]);
      assert.deepEqual(early.map(checkedCode), ["Unavailable", "Unavailable"]);
      await loading;
    });

    it("is not the answer for any other kind of failure, whatever it says", async (t) => {
      const kinds = errorKinds.filter((each) => each !== "model-not-found");
      const fake = await startFakeServer(t);
      const fakeClient = kind.open({ port: fake.address.port });
      for (const failure of magic) {
        fake.models.failure = failure;
        for (const name of [...kinds.map((each) => `fails-${each}`), "fails"]) {
          const inferred = await fakeClient.call(modelInfer, { modelName: name });
          const described = await fakeClient.call(modelMetadata, { name });
          assert.notEqual(checkedCode(inferred), "NotFound", name);
          assert.notEqual(checkedCode(inferred), "OK", name);
          assert.notEqual(checkedCode(described), "NotFound", name);
        }
      }
      fakeClient.close();
    });
  });
}
