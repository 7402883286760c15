import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { before, describe, it } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { GRPCInferenceService, ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { InferenceTimes } from "../../src/base/inference-times.ts";
import type { CallObserver, CallStart } from "../../src/rpc/observe/call-observer.ts";
import { combineObservers } from "../../src/rpc/observe/call-observer.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { exchange, grpcFrame, postGrpc, until } from "../support/clients/raw-http.ts";
import { callRest, x } from "../support/clients/rest-calls.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

interface Seen {
  readonly rpc: string;
  readonly protocol: CallStart["protocol"];
  readonly peer: string | undefined;
  readonly requestId: string | null;
  readonly models: string[];
  readonly steps: string[];
  /** Undefined while it is open; "ok" for what went well. */
  code: string | undefined;
  endings: number;
}

function recorder(seen: Seen[], times?: InferenceTimes): CallObserver {
  return {
    begin({ rpc, protocol, header, peer }) {
      const requestId = header.get("x-request-id");
      const kind = peer?.kind;
      const call: Seen = {
        rpc,
        protocol,
        peer: kind,
        requestId,
        models: [],
        steps: [],
        code: undefined,
        endings: 0,
      };
      seen.push(call);
      return {
        times,
        model: (id) => void call.models.push(id),
        decoded: (ms) => void call.steps.push(ms >= 0 ? "decoded" : "decoded early"),
        encoded: (ms) => void call.steps.push(ms >= 0 ? "encoded" : "encoded early"),
        end(code, durationMs) {
          call.endings++;
          assert.ok(durationMs >= 0);
          call.code = code === undefined ? "ok" : Code[code];
        },
      };
    },
  };
}

const inferRpc = "inference.GRPCInferenceService/ModelInfer";
const inferPath = `/${inferRpc}`;
const addOne = {
  modelName: "add-one",
  inputs: [{ ...x, datatype: "FP32", shape: [1n, 3n], contents: { fp32Contents: [1, 2, 3] } }],
};

describe("an observer of calls", () => {
  const cleanup = suiteCleanup();
  const seen: Seen[] = [];
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, {
      host: "0.0.0.0",
      observer: recorder(seen),
      requestTimeoutMs: 600,
    });
  });

  /** What was seen of the calls that `make` makes, once all of them have ended. */
  async function seenOf(make: () => Promise<unknown>, count = 1): Promise<Seen[]> {
    seen.length = 0;
    await make();
    await until(
      () => seen.length >= count && seen.every(({ code }) => code !== undefined),
      "the ends of the calls",
    );
    // Nothing may come after the end.
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (const { endings } of seen) assert.equal(endings, 1);
    return [...seen];
  }
  const outcomes = (calls: readonly Seen[]) =>
    calls.map(({ rpc, protocol, code }) => [rpc, protocol, code]);

  for (const { name, skip, open } of clientKinds) {
    const protocol = /gRPC-Web/.test(name)
      ? "grpc-web"
      : /gRPC|grpc/.test(name)
        ? "grpc"
        : "connect";
    it(`sees a call that goes well and one that fails, by ${name}`, { skip }, async () => {
      const client = open({ port: fake.address.port });
      try {
        const calls = await seenOf(async () => {
          await client.call(GRPCInferenceService.method.modelInfer, addOne, {
            header: { "x-request-id": "r1" },
          });
          await client.call(GRPCInferenceService.method.modelInfer, {
            ...addOne,
            modelName: "nobody",
          });
          await client.call(ModelRuntime.method.modelSize, { modelId: "add-one" });
        }, 3);
        assert.deepEqual(outcomes(calls), [
          [inferRpc, protocol, "ok"],
          [inferRpc, protocol, "NotFound"],
          ["mmesh.ModelRuntime/modelSize", protocol, "ok"],
        ]);
        assert.deepEqual(
          calls.map(({ requestId, peer }) => [requestId, peer]),
          [
            ["r1", "tcp"],
            [null, "tcp"],
            [null, "tcp"],
          ],
        );
        assert.deepEqual(
          calls.map(({ models }) => models.at(-1)),
          ["add-one", "nobody", "add-one"],
        );
      } finally {
        client.close();
      }
    });
  }

  it("sees how long the fast path reads and writes", async () => {
    const body = grpcFrame(
      toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, addOne)),
    );
    const [call] = await seenOf(() => postGrpc(fake.address.port, inferPath, { body }));
    assert.deepEqual(call?.steps, ["decoded", "encoded"]);
  });

  const refusals: [string, () => Promise<unknown>, [string, string, string]][] = [
    [
      "a message that is none, on the fast path",
      () => postGrpc(port(), inferPath, { body: grpcFrame(Buffer.of(255)) }),
      [inferRpc, "grpc", "InvalidArgument"],
    ],
    [
      "a message that is none, through Connect",
      () =>
        postGrpc(port(), inferPath, {
          body: grpcFrame(Buffer.of(255)),
          headers: { "content-type": "application/grpc-web+proto" },
        }),
      [inferRpc, "grpc-web", "InvalidArgument"],
    ],
    [
      "no message",
      () => postGrpc(port(), inferPath, { body: Buffer.of() }),
      [inferRpc, "grpc", "Unimplemented"],
    ],
    [
      "a method that does not exist",
      () => postGrpc(port(), "/inference.GRPCInferenceService/Nothing", { body: Buffer.of() }),
      ["unknown", "grpc", "Unimplemented"],
    ],
    [
      "a content type that no protocol has",
      () =>
        rest(inferPath, { method: "POST", headers: { "content-type": "text/plain" }, body: "x" }),
      [inferRpc, "connect", "InvalidArgument"],
    ],
    [
      "a verb that no RPC has",
      () => rest(inferPath, { method: "DELETE" }),
      [inferRpc, "connect", "Unimplemented"],
    ],
    [
      "a page of another server",
      () =>
        rest(inferPath, {
          method: "POST",
          headers: { origin: "https://else.example", "content-type": "application/json" },
          body: {},
        }),
      [inferRpc, "connect", "PermissionDenied"],
    ],
    [
      "a model that is not there, by REST",
      () => rest("/v2/models/nobody"),
      ["GET /v2/models/:model", "rest", "NotFound"],
    ],
    [
      "a body that is not JSON, by REST",
      () => rest("/v2/models/echo/infer", { method: "POST", body: "{" }),
      ["POST /v2/models/:model/infer", "rest", "InvalidArgument"],
    ],
    [
      "a verb that a route has not",
      () => rest("/v2/models", { method: "PATCH" }),
      ["PATCH /v2/models", "rest", "Unimplemented"],
    ],
    [
      "a verb that hardly anybody knows",
      () => rest("/v2/models", { method: "MKCOL" }),
      ["unknown", "rest", "Unimplemented"],
    ],
    ["a path that does not exist", () => rest("/v2/nothing"), ["unknown", "rest", "Unimplemented"]],
    [
      "a path that cannot be read",
      () => rest("/v2/models/%zz"),
      ["unknown", "rest", "InvalidArgument"],
    ],
    [
      "a lifecycle call from elsewhere",
      () =>
        postGrpc(port(), "/mmesh.ModelRuntime/unloadModel", {
          body: grpcFrame(Buffer.of()),
          host: elsewhere(),
        }),
      ["mmesh.ModelRuntime/unloadModel", "grpc", "PermissionDenied"],
    ],
    [
      "the same by gRPC-Web",
      () =>
        postGrpc(port(), "/mmesh.ModelRuntime/unloadModel", {
          body: grpcFrame(Buffer.of()),
          host: elsewhere(),
          headers: { "content-type": "application/grpc-web" },
        }),
      ["mmesh.ModelRuntime/unloadModel", "grpc-web", "PermissionDenied"],
    ],
    [
      "half a request, on the fast path",
      () => half(inferPath, "application/grpc"),
      [inferRpc, "grpc", "DeadlineExceeded"],
    ],
    [
      "half a request, through Connect",
      () => half(inferPath, "application/grpc-web"),
      [inferRpc, "grpc-web", "DeadlineExceeded"],
    ],
    [
      "half a request of HTTP/1.1",
      () =>
        exchange(
          port(),
          "POST /v2/models/echo/infer HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{",
        ),
      ["POST /v2/models/:model/infer", "rest", "DeadlineExceeded"],
    ],
    ["a caller who leaves", () => leave(), [inferRpc, "grpc", "Canceled"]],
  ];
  const port = () => fake.address.port;
  const rest = (path: string, options?: Parameters<typeof callRest>[2]) =>
    callRest(port(), path, options);
  for (const [what, make, outcome] of refusals) {
    it(`sees ${what}`, async () => {
      assert.deepEqual(outcomes(await seenOf(make)), [outcome]);
    });
  }

  it("sees REST that goes well, with its model", async () => {
    const [call] = await seenOf(() =>
      rest("/v2/models/echo/infer", { method: "POST", body: { inputs: [x] } }),
    );
    assert.ok(call);
    assert.deepEqual(outcomes([call]), [["POST /v2/models/:model/infer", "rest", "ok"]]);
    assert.deepEqual([call.models, call.steps], [["echo"], ["decoded", "encoded"]]);
  });

  it("sees a stream end, and the model of each of its messages", async () => {
    const client = createClient(
      GRPCInferenceService,
      createGrpcTransport({ baseUrl: `http://127.0.0.1:${port()}` }),
    );
    async function* requests() {
      yield addOne;
      yield { ...addOne, modelName: "nobody" };
    }
    const [call] = await seenOf(async () => {
      for await (const _ of client.modelStreamInfer(requests()));
    });
    assert.deepEqual(call?.models, ["add-one", "nobody"]);
    assert.deepEqual(outcomes([call]), [
      ["inference.GRPCInferenceService/ModelStreamInfer", "grpc", "ok"],
    ]);
  });

  async function half(path: string, type: string): Promise<void> {
    const session = http2.connect(`http://127.0.0.1:${port()}`);
    const stream = session.request(
      { ":method": "POST", ":path": path, "content-type": type },
      { endStream: false },
    );
    stream.on("error", () => {});
    stream.write(Buffer.of(0, 0));
    await once(stream.resume(), "close");
    session.destroy();
  }

  async function leave(): Promise<void> {
    const session = http2.connect(`http://127.0.0.1:${port()}`);
    const stream = session.request({
      ":method": "POST",
      ":path": inferPath,
      "content-type": "application/grpc",
    });
    stream.on("error", () => {});
    const hangs = create(ModelInferRequestSchema, { ...addOne, modelName: "hangs" });
    stream.end(grpcFrame(toBinary(ModelInferRequestSchema, hangs)));
    await until(() => seen[0]?.models.at(-1) === "hangs", "the call in its model");
    session.destroy();
  }
});

function elsewhere(): string {
  const found = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = found.find(({ internal, family }) => !internal && family === "IPv4");
  assert.ok(own && net.isIPv4(own.address));
  return own.address;
}

describe("observers that are combined", () => {
  const start: CallStart = { rpc: "a/B", protocol: "grpc", header: new Headers(), peer: undefined };

  it("are none at all if there is none", () => {
    assert.equal(combineObservers([undefined]), undefined);
  });

  it("each see all of a call", () => {
    const [one, other]: [Seen[], Seen[]] = [[], []];
    const times = new InferenceTimes();
    const both = combineObservers([recorder(one), undefined, recorder(other, times)])?.begin(start);
    assert.equal(both?.times, times);
    both?.model?.("m");
    both?.decoded?.(1);
    both?.encoded?.(2);
    both?.end(Code.Aborted, 3);
    assert.deepEqual(one, other);
    assert.deepEqual(
      [one[0]?.models, one[0]?.steps, one[0]?.code],
      [["m"], ["decoded", "encoded"], "Aborted"],
    );
  });

  it("leave a call to the one who wants it", () => {
    const seen: Seen[] = [];
    const both = combineObservers([{ begin: () => undefined }, recorder(seen)]);
    both?.begin(start)?.end(undefined, 1);
    assert.equal(seen[0]?.code, "ok");
  });
});
