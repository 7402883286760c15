import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { DescMethodUnary, JsonValue, MessageInitShape } from "@bufbuild/protobuf";
import { Health } from "../../gen/grpc/health/v1/health_pb.ts";
import {
  GRPCInferenceService,
  type InferParameterSchema,
} from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { type Client, clientKinds, type Outcome, type Target } from "../support/clients/clients.ts";
import {
  type FakeServer,
  startFakeServer,
  suiteCleanup,
  temporarySocketPath,
} from "../support/fakes/fake-server.ts";
import { fakeStatisticsMessage } from "../support/fakes/fake-statistics.ts";

interface Case {
  readonly title: string;
  call(client: Client): Promise<Outcome>;
  readonly outcome: Outcome;
}

const runtime = ModelRuntime.method;
const inference = GRPCInferenceService.method;
const spec = { modelId: "m", modelType: "mt:onnx", modelPath: "/models/m", modelKey: "{}" };
const typed = {
  name: "x",
  datatype: "FP32",
  shape: [1n, 3n],
  contents: { fp32Contents: [1, 2, -0.5] },
};
const raw = {
  inputs: [{ name: "x", datatype: "FP32", shape: [1n, 3n] }],
  rawInputContents: [new Uint8Array(Float32Array.of(1, 2, -0.5).buffer)],
};
const typedOutput = { name: "y", datatype: "FP32", shape: ["1", "3"] };
const ready = { ready: true };
const readyModel = (name: string) => ({ name, state: "READY" });
const tensorMetadata = { name: "x", datatype: "FP32", shape: ["-1", "3"] };

const cases: readonly Case[] = [
  succeeds("loads", runtime.loadModel, spec, { sizeInBytes: "123456789" }),
  succeeds("predicts a size", runtime.predictModelSize, spec, { sizeInBytes: "123456789" }),
  succeeds("measures a size", runtime.modelSize, { modelId: "m" }, { sizeInBytes: "123456789" }),
  succeeds("unloads", runtime.unloadModel, { modelId: "m" }, {}),
  succeeds(
    "reads the status",
    runtime.runtimeStatus,
    {},
    {
      status: "READY",
      capacityInBytes: "1099511627776",
      maxLoadingConcurrency: 3,
      modelLoadingTimeoutMs: 90000,
      defaultModelSizeInBytes: "1000000",
      runtimeVersion: "fake-1",
      methodInfos: {
        "inference.GRPCInferenceService/ModelInfer": { idInjectionPath: [1] },
        "inference.GRPCInferenceService/ModelMetadata": { idInjectionPath: [1] },
        "inference.GRPCInferenceService/ModelReady": { idInjectionPath: [1] },
      },
    },
  ),
  succeeds("sees that the server lives", inference.serverLive, {}, { live: true }),
  succeeds("sees that the server is ready", inference.serverReady, {}, { ready: true }),
  succeeds("sees a ready model", inference.modelReady, { name: "add-one" }, { ready: true }),
  succeeds("sees an unknown model as not ready", inference.modelReady, { name: "nobody" }, {}),
  succeeds(
    "reads the server's metadata",
    inference.serverMetadata,
    {},
    {
      name: "modelport",
      version: "1.2.3",
      extensions: [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
      ],
    },
  ),
  succeeds(
    "reads a model's metadata",
    inference.modelMetadata,
    { name: "add-one" },
    {
      name: "add-one",
      platform: "fake_fake",
      inputs: [tensorMetadata],
      outputs: [{ ...tensorMetadata, name: "y" }],
    },
  ),
  succeeds(
    "infers typed tensors",
    inference.modelInfer,
    {
      modelName: "add-one",
      id: "r1",
      inputs: [typed],
    },
    {
      modelName: "add-one",
      id: "r1",
      outputs: [
        { name: "y", datatype: "FP32", shape: ["1", "3"], contents: { fp32Contents: [2, 3, 0.5] } },
      ],
    },
  ),
  succeeds(
    "infers raw tensors",
    inference.modelInfer,
    { modelName: "add-one", ...raw },
    {
      modelName: "add-one",
      outputs: [{ name: "y", datatype: "FP32", shape: ["1", "3"] }],
      rawOutputContents: [Buffer.from(Float32Array.of(2, 3, 0.5).buffer).toString("base64")],
    },
  ),
  succeeds(
    "reads the metadata of a version",
    inference.modelMetadata,
    { name: "versioned", version: "1" },
    {
      name: "versioned",
      versions: ["1", "2"],
      platform: "fake_fake",
      inputs: [tensorMetadata],
      outputs: [{ ...tensorMetadata, name: "y" }],
    },
  ),
  succeeds(
    "sees a ready version",
    inference.modelReady,
    { name: "versioned", version: "1" },
    ready,
  ),
  succeeds(
    "sees an unknown version",
    inference.modelReady,
    { name: "versioned", version: "3" },
    {},
  ),
  ...["", "1"].map((modelVersion) =>
    succeeds(
      `infers with version "${modelVersion}"`,
      inference.modelInfer,
      { modelName: "versioned", modelVersion, inputs: [typed] },
      {
        modelName: "versioned",
        modelVersion: modelVersion || "2",
        outputs: [{ ...typedOutput, contents: { fp32Contents: [2, 3, 0.5] } }],
      },
    ),
  ),
  succeeds(
    "infers with parameters that mean nothing here",
    inference.modelInfer,
    {
      modelName: "add-one",
      parameters: {
        priority: { parameterChoice: { case: "uint64Param", value: 2n ** 64n - 1n } },
        binary_data_output: { parameterChoice: { case: "boolParam", value: true } },
        note: { parameterChoice: { case: "stringParam", value: "s" } },
        weight: { parameterChoice: { case: "doubleParam", value: 0.5 } },
        nothing: {},
        timeout: { parameterChoice: { case: "int64Param", value: 60_000_000n } },
      },
      inputs: [typed],
    },
    {
      modelName: "add-one",
      outputs: [{ ...typedOutput, contents: { fp32Contents: [2, 3, 0.5] } }],
    },
  ),
  succeeds(
    "loads from the repository, as Triton's clients do",
    inference.repositoryModelLoad,
    { repositoryName: "any", modelName: "shelved" },
    { modelName: "shelved", isLoaded: true },
  ),
  succeeds(
    "unloads to the repository, as KServe's clients do",
    inference.repositoryModelUnload,
    { repositoryName: "shelved" },
    { modelName: "shelved", isUnloaded: true },
  ),
  succeeds(
    "reads what is ready",
    inference.repositoryIndex,
    { ready: true },
    {
      models: [
        ...["add-one", "echo", "half", "hangs", "fails"].map(readyModel),
        { ...readyModel("versioned"), version: "1" },
        { ...readyModel("versioned"), version: "2" },
      ],
    },
  ),
  succeeds(
    "reads the statistics of a version",
    inference.modelStatistics,
    { name: "versioned", version: "2" },
    {
      modelStats: [{ name: "versioned", version: "2", ...fakeStatisticsMessage }],
    },
  ),
  ...[inference.repositoryModelLoad, inference.repositoryModelUnload].flatMap((method) => [
    fails(
      `asks ${method.name} for a model that is not there`,
      method,
      { modelName: "nobody" },
      {
        code: "NotFound",
        message:
          method === inference.repositoryModelLoad
            ? "model 'nobody' is not in the model repository"
            : "model 'nobody' is not loaded here",
      },
    ),
    fails(
      `asks ${method.name} for no model`,
      method,
      {},
      {
        code: "InvalidArgument",
        message: "the request names no model: set model_name",
      },
    ),
  ]),
  ...[-1n, "soon", 1.5].map((value) =>
    fails(
      `sends the timeout ${value}`,
      inference.modelInfer,
      { modelName: "add-one", parameters: { timeout: parameter(value) }, inputs: [typed] },
      {
        code: "InvalidArgument",
        message: "the parameter 'timeout' must be a whole number of microseconds, 0 or above",
      },
    ),
  ),
  ...[20_000n, "20000"].map((value) =>
    fails(
      `sends the timeout ${typeof value} ${value} to a model that takes longer`,
      inference.modelInfer,
      { modelName: "hangs", parameters: { timeout: parameter(value) } },
      {
        code: "DeadlineExceeded",
        message: "the request did not finish within its timeout of 20000 microseconds",
      },
    ),
  ),
  succeeds(
    "checks the health",
    Health.method.check,
    { service: "mmesh.ModelRuntime" },
    {
      status: "SERVING",
    },
  ),
  fails(
    "asks for the size of an unknown model",
    runtime.modelSize,
    { modelId: "nobody" },
    {
      code: "NotFound",
      message: "model 'nobody' is not loaded here",
    },
  ),
  fails(
    "infers with an unknown model",
    inference.modelInfer,
    { modelName: "nobody", ...raw },
    {
      code: "NotFound",
      message: "model 'nobody' is not loaded here",
    },
  ),
  fails("names no model", inference.modelInfer, raw, {
    code: "InvalidArgument",
    message: "no model id: name the model in the request, or in the metadata mm-model-id",
  }),
  fails(
    "asks for a version",
    inference.modelMetadata,
    { name: "add-one", version: "2" },
    {
      code: "InvalidArgument",
      message: "version '2' of model 'add-one' is not served",
    },
  ),
  fails(
    "sends too few elements",
    inference.modelInfer,
    {
      modelName: "add-one",
      inputs: [{ ...typed, shape: [2n, 3n] }],
    },
    {
      code: "InvalidArgument",
      message:
        "input 'x' for model 'add-one' has 3 elements in fp32_contents, expected 6 for its shape",
    },
  ),
  fails(
    "meets a bug",
    inference.modelInfer,
    { modelName: "fails", ...raw },
    {
      code: "Internal",
      message: "internal error",
    },
  ),
  fails(
    "checks the health of an unknown service",
    Health.method.check,
    { service: "x.Y" },
    {
      code: "NotFound",
      message: 'this port has no service "x.Y"',
    },
  ),
];

function parameter(value: bigint | string | number): MessageInitShape<typeof InferParameterSchema> {
  if (typeof value === "bigint") return { parameterChoice: { case: "int64Param", value } };
  if (typeof value === "string") return { parameterChoice: { case: "stringParam", value } };
  return { parameterChoice: { case: "doubleParam", value } };
}

function succeeds<Method extends DescMethodUnary>(
  title: string,
  method: Method,
  request: MessageInitShape<Method["input"]>,
  message: JsonValue,
): Case {
  return { title, call: (client) => client.call(method, request), outcome: { ok: true, message } };
}

function fails<Method extends DescMethodUnary>(
  title: string,
  method: Method,
  request: MessageInitShape<Method["input"]>,
  error: Omit<Outcome & { ok: false }, "ok">,
): Case {
  return {
    title,
    call: (client) => client.call(method, request),
    outcome: { ok: false, ...error },
  };
}

describe("the one port", () => {
  let fake: FakeServer;
  let socketPath: string;
  const cleanup = suiteCleanup();
  before(async () => {
    socketPath = await temporarySocketPath(cleanup);
    fake = await startFakeServer(cleanup, { socketPath });
  });

  for (const kind of clientKinds) {
    const targets: { where: string; target: () => Target }[] = [
      { where: "TCP", target: () => ({ port: fake.address.port }) },
    ];
    if (kind.unix) targets.push({ where: "a unix socket", target: () => ({ socketPath }) });
    for (const { where, target } of targets) {
      describe(`serves ${kind.name} on ${where}`, { skip: kind.skip ?? false }, () => {
        let client: Client;
        before(() => {
          client = kind.open(target());
        });
        after(() => client.close());

        for (const { title, call, outcome } of cases) {
          it(`that ${title}`, async () => {
            assert.deepEqual(await call(client), outcome);
          });
        }
      });
    }
  }

  it("answers on 127.0.0.1 and, where the machine has it, on ::1, at the same port", async () => {
    assert.equal(fake.address.hosts[0], "127.0.0.1");
    for (const host of fake.address.hosts) {
      const url = `http://${host.includes(":") ? `[${host}]` : host}:${fake.address.port}/`;
      const answer = await fetch(url);
      assert.equal(((await answer.json()) as { name: string }).name, "modelport");
    }
  });
});
