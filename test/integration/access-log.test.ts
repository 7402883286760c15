import assert from "node:assert/strict";
import http2 from "node:http2";
import { describe, it, type TestContext } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { type Logger, pino } from "pino";
import {
  GRPCInferenceService as Inference,
  ModelReadyRequestSchema,
} from "../../gen/inference/inference_pb.ts";
import type { AccessLog } from "../../src/config/access-log-settings.ts";
import { CallLog } from "../../src/rpc/observe/call-log.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";
import { callRest, x } from "../support/clients/rest-calls.ts";
import { startFakeServer } from "../support/fakes/fake-server.ts";
import { waitFor } from "../support/wait-for.ts";

type Line = Record<string, unknown>;

const uuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

async function startLogged(t: TestContext, settings: Partial<AccessLog> = {}) {
  const lines: Line[] = [];
  const log: Logger = pino(
    { level: "trace", base: null },
    { write: (line) => lines.push(JSON.parse(line)) },
  );
  const observer = new CallLog({
    log,
    settings: { calls: "all", maxLinesPerSecond: 0, ...settings },
  });
  const server = await startFakeServer(t, { observer });
  const next = async (): Promise<Line> => {
    await waitFor(() => lines.length > 0);
    return lines.shift() as Line;
  };
  return { ...server, port: server.address.port, lines, next };
}

describe("the access log", () => {
  it("has one line for a call of each protocol, with what is known of it", async (t) => {
    const { port, next, lines } = await startLogged(t);
    for (const kind of clientKinds) {
      if (kind.skip !== undefined) continue;
      const client = kind.open({ port });
      try {
        for (const [name, code] of [
          ["add-one", "OK"],
          ["nothing", "NotFound"],
        ] as const) {
          const header = { "x-request-id": `${name}:1` };
          await client.call(Inference.method.modelMetadata, { name }, { header });
          const { level, time, msg, durationMs, requestBytes, answerBytes, ...line } = await next();
          assert.deepEqual([level, msg], [30, "call ended"]);
          assert.ok(typeof time === "number" && typeof durationMs === "number" && durationMs > 0);
          for (const sizeBytes of [requestBytes, answerBytes]) {
            // Where the message comes in chunks of unknown length, it is not told.
            assert.ok(sizeBytes === undefined || Number.isSafeInteger(sizeBytes), kind.name);
          }
          const isGrpc = kind.name === "grpc-js" || kind.name.includes("gRPC, h2");
          if (isGrpc) assert.equal(requestBytes, name.length + 2);
          const protocol = isGrpc
            ? "grpc"
            : kind.name.includes("gRPC-Web")
              ? "grpc-web"
              : "connect";
          assert.deepEqual(
            line,
            {
              rpc: "inference.GRPCInferenceService/ModelMetadata",
              protocol,
              code,
              peer: { kind: "tcp", address: "127.0.0.1", isTls: false },
              requestId: `${name}:1`,
              ...("modelId" in line ? { modelId: name } : {}),
            },
            kind.name,
          );
        }
      } finally {
        client.close();
      }
    }
    const infer = { method: "POST", body: { inputs: [x] } };
    const answer = await callRest(port, "/v2/models/add-one/infer?secret=1", infer);
    const { rpc, protocol, code, modelId, answerBytes, requestBytes } = await next();
    assert.deepEqual(
      { rpc, protocol, code, modelId, answerBytes, requestBytes },
      {
        rpc: "POST /v2/models/:model/infer",
        protocol: "rest",
        code: "OK",
        modelId: "add-one",
        answerBytes: answer.bytes.length,
        requestBytes: JSON.stringify(infer.body).length,
      },
    );
    assert.deepEqual(lines, []);
  });

  it("gives calls without an id one, which the answer has in its headers, and the line of a failure", async (t) => {
    const { port, next, logged } = await startLogged(t);
    const made = await callRest(port, "/v2/models/nothing");
    const { requestId } = await next();
    assert.match(String(requestId), uuid);
    assert.equal(made.headers.get("x-request-id"), requestId);
    const failed = logged.find(({ msg }) => msg === "call failed");
    assert.equal(failed?.["requestId"], requestId);

    for (const [sent, isKept] of [
      ["abc-1", true],
      ["a b", false],
      ['"}{', false],
      ["x".repeat(129), false],
    ] as const) {
      const headers = { "x-request-id": sent };
      const { headers: answered } = await callRest(port, "/v2/models/add-one", { headers });
      const line = await next();
      assert.equal(line["requestId"] === sent, isKept, sent);
      assert.equal(answered.get("x-request-id"), line["requestId"]);
    }
    const response = await fetch(
      `http://127.0.0.1:${port}/inference.GRPCInferenceService/ServerReady`,
      { method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
    );
    assert.equal(response.headers.get("x-request-id"), (await next())["requestId"]);
  });

  it("gives them to unary gRPC calls too, whichever way these go", async (t) => {
    const { port, next } = await startLogged(t);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    t.after(() => session.close());
    for (const type of ["application/grpc", "application/grpc+json"]) {
      const stream = session.request({
        ":method": "POST",
        ":path": "/inference.GRPCInferenceService/ModelReady",
        "content-type": type,
        te: "trailers",
      });
      const message = toBinary(ModelReadyRequestSchema, create(ModelReadyRequestSchema));
      stream.end(grpcFrame(type.endsWith("json") ? Buffer.from("{}") : message));
      stream.resume();
      const headers = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) =>
        stream.once("response", resolve).once("error", reject),
      );
      const line = await next();
      assert.match(String(line["requestId"]), uuid);
      assert.equal(headers["x-request-id"], line["requestId"], type);
    }
  });

  it("of failures has those alone, and no line for the rest", async (t) => {
    const { port, next, lines } = await startLogged(t, { calls: "failures" });
    await callRest(port, "/v2/models/add-one");
    await callRest(port, "/v2/models/nothing");
    assert.equal((await next())["code"], "NotFound");
    await callRest(port, "/v2/no/such/path");
    assert.equal((await next())["code"], "Unimplemented");
    assert.deepEqual(lines, []);
  });

  it("keeps to its lines per second, and lets successes not hide failures", async (t) => {
    const { port, lines } = await startLogged(t, { maxLinesPerSecond: 2 });
    for (let call = 0; call < 10; call++) await callRest(port, "/v2/health/live");
    for (let call = 0; call < 3; call++) await callRest(port, "/v2/models/nothing");
    await waitFor(() => lines.some(({ code }) => code === "NotFound"));
    // At most two in each second that the calls took.
    assert.ok(lines.filter(({ code }) => code === "OK").length < 10);
    assert.ok(lines.filter(({ code }) => code === "NotFound").length >= 1);
  });

  it("is off: then a failure has the caller's own id still, and answers have none", async (t) => {
    const { address, logged } = await startFakeServer(t);
    const headers = { "x-request-id": "mine" };
    const answer = await callRest(address.port, "/v2/models/nothing", { headers });
    assert.equal(answer.headers.get("x-request-id"), null);
    for (const kind of clientKinds.slice(0, 3)) {
      const client = kind.open({ port: address.port });
      await client.call(Inference.method.modelMetadata, { name: "nothing" }, { header: headers });
      client.close();
    }
    const failures = logged.filter(({ msg }) => msg === "call failed");
    assert.deepEqual(
      failures.map(({ requestId }) => requestId),
      ["mine", "mine", "mine", "mine"],
    );
  });
});
