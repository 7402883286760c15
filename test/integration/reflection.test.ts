import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import {
  create,
  createFileRegistry,
  type FileRegistry,
  fromBinary,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import {
  ServerReflection,
  type ServerReflectionRequestSchema,
  type ServerReflectionResponse,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { projectRoot } from "../support/servers/served.ts";

type Question = NonNullable<
  MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"]
>;

const served = [
  "grpc.health.v1.Health",
  "grpc.reflection.v1.ServerReflection",
  "grpc.reflection.v1alpha.ServerReflection",
  "inference.GRPCInferenceService",
  "mmesh.ModelRuntime",
  "modelport.v1.RuntimeWatchService",
];

/** Reads all answers of a stream that sends these questions and then no more. */
async function ask(
  baseUrl: string,
  questions: readonly Question[],
  {
    service = ServerReflection,
    createTransport = ({ baseUrl }: { readonly baseUrl: string }): Transport =>
      createGrpcTransport({ baseUrl }),
  } = {},
): Promise<ServerReflectionResponse[]> {
  const client = createClient(service, createTransport({ baseUrl }));
  const answers: ServerReflectionResponse[] = [];
  const requests = async function* () {
    for (const messageRequest of questions) yield { host: "a.example", messageRequest };
  };
  for await (const answer of client.serverReflectionInfo(requests())) answers.push(answer);
  return answers;
}

function filesIn({ messageResponse: { case: kind, value } }: ServerReflectionResponse) {
  assert.equal(kind, "fileDescriptorResponse");
  return value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
}

function namesIn(answer: ServerReflectionResponse): string[] {
  return filesIn(answer).map(({ name }) => name);
}

describe("gRPC's reflection", { timeout: 300_000 }, () => {
  const cleanup = suiteCleanup();
  let server: FakeServer;
  let url: string;
  before(async () => {
    server = await startFakeServer(cleanup);
    url = `http://127.0.0.1:${server.address.port}`;
  });

  for (const [name, ways] of Object.entries({
    "v1 over gRPC": { service: ServerReflection },
    "v1alpha over gRPC": {
      service: ServerReflectionAlpha as unknown as typeof ServerReflection,
    },
    "v1 over Connect": {
      service: ServerReflection,
      createTransport: ({ baseUrl }: { readonly baseUrl: string }) =>
        createConnectTransport({ baseUrl, httpVersion: "2" }),
    },
  })) {
    it(`lists every service of the port, itself included, by ${name}`, async () => {
      const [answer] = await ask(url, [{ case: "listServices", value: "" }], ways);
      assert.equal(answer?.messageResponse.case, "listServicesResponse");
      const { service } = answer.messageResponse.value;
      assert.deepEqual(
        service.map(({ name: served }) => served),
        served,
      );
      assert.equal(answer.validHost, "a.example");
      assert.equal(answer.originalRequest?.messageRequest.case, "listServices");
    });

    it(`gives for each service a file from which a client can call it, by ${name}`, async () => {
      const answers = await ask(
        url,
        served.map((value) => ({ case: "fileContainingSymbol", value })),
        ways,
      );
      const file = answers.flatMap(filesIn);
      const registry: FileRegistry = createFileRegistry(create(FileDescriptorSetSchema, { file }));
      for (const service of served) assert.ok(registry.getService(service), service);
      const infer = registry.getService("inference.GRPCInferenceService")?.method["modelInfer"];
      assert.equal(infer?.input.typeName, "inference.ModelInferRequest");
      assert.equal(infer?.input.field["modelName"]?.number, 1);
    });
  }

  it("knows methods, messages, fields, nested types and enum values by their full names", async () => {
    const symbols = [
      ["inference.GRPCInferenceService.ModelInfer", "inference/inference.proto"],
      ["inference.ModelInferRequest", "inference/inference.proto"],
      ["inference.ModelInferRequest.model_name", "inference/inference.proto"],
      ["inference.ModelInferRequest.InferInputTensor", "inference/inference.proto"],
      ["grpc.health.v1.HealthCheckResponse.ServingStatus", "grpc/health/v1/health.proto"],
      ["grpc.health.v1.HealthCheckResponse.NOT_SERVING", "grpc/health/v1/health.proto"],
      ["mmesh.ModelRuntime", "mmesh/model-runtime.proto"],
    ] as const;
    const answers = await ask(
      url,
      symbols.map(([value]) => ({ case: "fileContainingSymbol", value })),
    );
    assert.deepEqual(
      answers.map((answer) => namesIn(answer)[0]),
      symbols.map(([, file]) => file),
    );
  });

  it("answers what it cannot find with NOT_FOUND and goes on", async () => {
    const value = { containingType: "inference.ModelInferRequest", extensionNumber: 7 };
    const answers = await ask(url, [
      { case: "fileByFilename", value: "none.proto" },
      { case: "fileContainingSymbol", value: ".inference.ModelInferRequest" },
      { case: "fileContainingSymbol", value: "" },
      { case: "fileContainingExtension", value },
      { case: "allExtensionNumbersOfType", value: "inference.None" },
      { case: undefined },
      { case: "allExtensionNumbersOfType", value: "inference.ModelInferRequest" },
      { case: "fileByFilename", value: "inference/inference.proto" },
    ]);
    const codes = answers.map(({ messageResponse }) =>
      messageResponse.case === "errorResponse" ? messageResponse.value.errorCode : undefined,
    );
    const { NotFound, InvalidArgument } = Code;
    assert.deepEqual(codes.slice(0, 5), Array(5).fill(NotFound));
    assert.deepEqual(codes.slice(5), [InvalidArgument, undefined, undefined]);
    assert.deepEqual(answers[6]?.messageResponse.value, {
      $typeName: "grpc.reflection.v1.ExtensionNumberResponse",
      baseTypeName: "inference.ModelInferRequest",
      extensionNumber: [],
    });
    assert.deepEqual(answers.slice(7).flatMap(namesIn), ["inference/inference.proto"]);
  });

  it("can be switched off, and the port then knows nothing of it", async (t) => {
    const { address } = await startFakeServer(t, { reflection: false });
    const asked = ask(`http://127.0.0.1:${address.port}`, [{ case: "listServices", value: "" }]);
    await assert.rejects(asked, (reason) => ConnectError.from(reason).code === Code.Unimplemented);
  });

  it("does not hold up the end of the server by streams that are open", async (t) => {
    const { server, address } = await startFakeServer(t, { closeGraceMs: 20_000 });
    const transport = createGrpcTransport({ baseUrl: `http://127.0.0.1:${address.port}` });
    const asked = Promise.withResolvers<void>();
    const leaving = new AbortController();
    const requests = async function* () {
      yield { messageRequest: { case: "listServices", value: "" } } as const;
      await sleep(30_000, undefined, { signal: leaving.signal }).catch(() => {});
    };
    const reading = (async () => {
      const client = createClient(ServerReflection, transport);
      for await (const _ of client.serverReflectionInfo(requests())) asked.resolve();
    })();
    await asked.promise;
    const closed = server.close();
    // Ended by the server, and not by its grace.
    await reading;
    leaving.abort();
    await closed;
  });
});

describe("buf curl, without definitions", { timeout: 300_000 }, () => {
  const cleanup = suiteCleanup();
  const run = promisify(execFile);
  let url: string;
  before(async () => {
    const { address } = await startFakeServer(cleanup);
    url = `http://127.0.0.1:${address.port}`;
  });
  const bufCurl = async (...args: string[]) =>
    (await run(join(projectRoot, "node_modules/.bin/buf"), ["curl", ...args], { cwd: "/" })).stdout;

  for (const protocol of ["grpc", "grpcweb", "connect"]) {
    for (const version of ["grpc-v1", "grpc-v1alpha"]) {
      it(`calls by ${protocol} what it learnt by ${version}`, async () => {
        const options = ["--http2-prior-knowledge", "--protocol", protocol];
        const method = `${url}/grpc.health.v1.Health/Check`;
        const answer = await bufCurl(...options, "--reflect-protocol", version, "-d", "{}", method);
        assert.deepEqual(JSON.parse(answer), { status: "SERVING" });
      });
    }
  }

  it("lists methods", async () => {
    const listed = await bufCurl("--http2-prior-knowledge", "--list-methods", url);
    assert.match(listed, /^inference\.GRPCInferenceService\/ModelInfer$/m);
    assert.match(listed, /^mmesh\.ModelRuntime\/loadModel$/m);
  });
});
