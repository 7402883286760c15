import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { before, describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { create, fromBinary, fromJson, type JsonValue, toBinary, toJson } from "@bufbuild/protobuf";
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
  ModelInferResponseSchema,
} from "../../gen/inference/inference_pb.ts";
import { suiteCleanup } from "../support/fake-server.ts";
import { mutateBytes, mutateJson, Random } from "../support/mutate.ts";
import { identity, twoInputsTwoOutputs } from "../support/onnx-models.ts";
import { grpcFrame } from "../support/raw-http.ts";
import { type Runtime, startRuntime } from "../support/runtime.ts";
import { packElements } from "../support/tensor-elements.ts";

// To see one failure again, put its seed here.
const seed = Number(process.hrtime.bigint() % 2n ** 31n);
const casesPerKind = 1_500;
const warmUpCases = 300;
const inFlight = 16;
const answerLimitMs = 20_000;
const maxHeapGrowthBytes = 24 * 1024 * 1024;

// INVALID_ARGUMENT and its like: the caller can mend it. NOT_FOUND where the name of the model was hit,
// DEADLINE_EXCEEDED where the timeout was.
const grpcStatuses: readonly unknown[] = ["0", "3", "4", "5", "8", "11", "12"];

const a = { name: "a", datatype: "FP32", shape: ["1", "3"] };
const b = { name: "b", datatype: "FP32", shape: ["1", "3"] };
const three = Buffer.from(packElements("FP32", [1, 2.5, -3]));
const words = Buffer.from(packElements("BYTES", ["", "zwölf", "x".repeat(20)]));
const timeout = { int64Param: "30000000" };

// Valid requests, in the JSON of protobuf.
const requests: readonly [JsonValue, ...JsonValue[]] = [
  {
    modelName: "two",
    id: "1",
    parameters: { timeout, priority: { uint64Param: "3" } },
    inputs: [
      { ...a, contents: { fp32Contents: [1, 2, 3] } },
      { ...b, contents: { fp32Contents: [0.5, -1, 0] } },
    ],
    outputs: [{ name: "difference" }],
  },
  {
    modelName: "two",
    inputs: [a, b],
    rawInputContents: [three.toString("base64"), three.toString("base64")],
  },
  {
    modelName: "words",
    inputs: [{ name: "x", datatype: "BYTES", shape: ["3", "1"] }],
    rawInputContents: [words.toString("base64")],
  },
  {
    modelName: "longs",
    inputs: [
      {
        name: "x",
        datatype: "INT64",
        shape: ["2", "1"],
        contents: { int64Contents: ["-9223372036854775808", "9007199254740993"] },
      },
    ],
  },
];

interface RestRequest {
  readonly path: string;
  readonly json: unknown;
  readonly blobs: readonly Buffer[];
}

const restRequests: readonly [RestRequest, ...RestRequest[]] = [
  {
    path: "/v2/models/two/infer",
    json: {
      id: "1",
      parameters: { timeout: 30_000_000, priority: 3 },
      inputs: [
        { name: "a", datatype: "FP32", shape: [1, 3], data: [1, 2, 3] },
        { name: "b", datatype: "FP32", shape: [1, 3], data: [[0.5, -1, 0]] },
      ],
      outputs: [{ name: "difference", parameters: { binary_data: true } }, { name: "sum" }],
    },
    blobs: [],
  },
  {
    path: "/v2/models/two/infer",
    json: {
      parameters: { binary_data_output: true },
      inputs: [
        { name: "a", datatype: "FP32", shape: [1, 3], parameters: { binary_data_size: 12 } },
        { name: "b", datatype: "FP32", shape: [1, 3], parameters: { binary_data_size: 12 } },
      ],
    },
    blobs: [three, three],
  },
  {
    path: "/v2/models/words/infer",
    json: {
      inputs: [
        {
          name: "x",
          datatype: "BYTES",
          shape: [2, 1],
          parameters: { content_type: "base64" },
          data: ["enc=", ""],
        },
      ],
    },
    blobs: [],
  },
  {
    path: "/v2/models/longs/infer",
    json: { inputs: [{ name: "x", datatype: "INT64", shape: [1, 2], data: [-5, 2 ** 53] }] },
    blobs: [],
  },
];

describe(`requests mutated at random (seed ${seed})`, () => {
  const cleanup = suiteCleanup();
  let runtime: Runtime;
  let session: http2.ClientHttp2Session;
  let baseUrl: string;
  before(async () => {
    runtime = await startRuntime({ maxMessageBytes: 1024 * 1024 });
    cleanup.after(() => runtime.close());
    const models = {
      two: twoInputsTwoOutputs(),
      words: identity("BYTES"),
      longs: identity("INT64"),
    };
    for (const [id, bytes] of Object.entries(models)) {
      const path = await runtime.put(`${id}.onnx`, bytes);
      await runtime.models.load({ id, path, type: "", key: "" }, AbortSignal.timeout(60_000));
    }
    baseUrl = `http://127.0.0.1:${runtime.port}`;
    session = http2.connect(baseUrl);
    cleanup.after(async () => session.destroy());
  });

  async function grpc(body: Uint8Array): Promise<boolean> {
    const stream = session.request({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelInfer",
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.setTimeout(answerLimitMs, () => stream.destroy(new Error("no answer")));
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("trailers", (received) => {
      trailers = received;
    });
    const answered = once(stream, "response");
    stream.end(body);
    const [headers] = (await answered) as [http2.IncomingHttpHeaders & { ":status": number }];
    const answer = Buffer.concat(await stream.toArray());
    assert.equal(headers[":status"], 200);
    const { "grpc-status": status, "grpc-message": message } = { ...headers, ...trailers };
    // gRPC demands INTERNAL for a message that is flagged as compressed though no compression was agreed.
    const flagged = status === "13" && /^received compressed envelope, /.test(String(message));
    assert.ok(grpcStatuses.includes(status) || flagged, `grpc-status ${status}: ${message}`);
    if (status !== "0") {
      assert.ok(message, "an error says why");
      return false;
    }
    fromBinary(ModelInferResponseSchema, answer.subarray(5));
    return true;
  }

  /** Checks the status, and returns the JSON of the answer. */
  async function post(path: string, headers: Record<string, string>, body: Uint8Array) {
    const signal = AbortSignal.timeout(answerLimitMs);
    const sent = { method: "POST", headers, body: new Uint8Array(body), signal };
    const response = await fetch(`${baseUrl}${path}`, sent);
    const length = response.headers.get("inference-header-content-length");
    const bytes = Buffer.from(await response.arrayBuffer());
    const text = bytes.subarray(0, length === null ? bytes.length : Number(length)).toString();
    // 504 is DEADLINE_EXCEEDED, where the timeout was hit; it is not one of the server's making.
    const allowed = response.status === 200 || response.status === 504 || response.status < 500;
    assert.ok(allowed && response.status >= 200, `${response.status}: ${text}`);
    const answer = JSON.parse(text) as Record<string, unknown>;
    return { ok: response.status === 200, type: response.headers.get("content-type"), answer };
  }

  async function connectJson(body: Uint8Array): Promise<boolean> {
    const headers = { "content-type": "application/json" };
    const path = "/inference.GRPCInferenceService/ModelInfer";
    const { ok, answer } = await post(path, headers, body);
    if (ok) fromJson(ModelInferResponseSchema, answer as JsonValue);
    else assert.equal(typeof answer["code"], "string");
    return ok;
  }

  async function rest(path: string, body: Uint8Array, jsonLength?: number): Promise<boolean> {
    const headers: Record<string, string> =
      jsonLength === undefined ? {} : { "inference-header-content-length": String(jsonLength) };
    const { ok, type, answer } = await post(path, headers, body);
    if (ok) {
      assert.ok(Array.isArray(answer["outputs"]));
      return true;
    }
    assert.equal(type, "application/json");
    assert.deepEqual(Object.keys(answer), ["error"]);
    assert.ok(typeof answer["error"] === "string" && answer["error"] !== "");
    return false;
  }

  const kinds: Record<string, (random: Random) => Promise<boolean>> = {
    "gRPC, bytes of the message": (random) =>
      grpc(grpcFrame(mutateBytes(encode(random.pick(requests)), random))),
    "gRPC, bytes of the frame": (random) =>
      grpc(mutateBytes(grpcFrame(encode(random.pick(requests))), random)),
    "gRPC, fields": (random) => grpc(grpcFrame(encode(mutatedRequest(random)))),
    "Connect JSON, bytes": (random) =>
      connectJson(mutateBytes(Buffer.from(JSON.stringify(random.pick(requests))), random)),
    "Connect JSON, fields": (random) =>
      connectJson(Buffer.from(JSON.stringify(mutateJson(random.pick(requests), random)))),
    "REST, bytes": (random) => {
      const { path, json, blobs } = random.pick(restRequests);
      const head = Buffer.from(JSON.stringify(json));
      const body = mutateBytes(Buffer.concat([head, ...blobs]), random);
      return rest(path, body, blobs.length > 0 ? head.length : undefined);
    },
    "REST, fields": (random) => {
      const { path, json, blobs } = random.pick(restRequests);
      const head = Buffer.from(JSON.stringify(mutateJson(json, random)) ?? "");
      return rest(
        path,
        Buffer.concat([head, ...blobs]),
        blobs.length > 0 ? head.length : undefined,
      );
    },
  };

  async function run(kind: string, indexes: readonly number[]) {
    const outcomes = { accepted: 0, refused: 0 };
    const remaining = indexes.values();
    const worker = async () => {
      for (const index of remaining) {
        try {
          const accepted = await kinds[kind]?.(new Random(seed + index * 7919));
          outcomes[accepted === true ? "accepted" : "refused"]++;
        } catch (cause) {
          throw new Error(`${kind}, seed ${seed}, case ${index}: ${cause}`, { cause });
        }
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    return outcomes;
  }

  it("are answered in good form, and leave server, hosts and memory as they were", async (t) => {
    const hostPids = () => ["two", "words", "longs"].map((id) => runtime.models.hostPidOf(id));
    const pidsBefore = hostPids();
    for (const kind of Object.keys(kinds)) await run(kind, numbers(0, warmUpCases));
    const heapBefore = heapBytes();
    let total = 0;
    for (const kind of Object.keys(kinds)) {
      const outcomes = await run(kind, numbers(warmUpCases, casesPerKind));
      t.diagnostic(`${kind}: ${JSON.stringify(outcomes)}`);
      // Else the mutations would be too weak or too strong to find anything.
      assert.ok(outcomes.refused > 0, kind);
      assert.ok(outcomes.accepted > 0, kind);
      total += outcomes.accepted + outcomes.refused;
    }
    assert.ok(total >= 10_000);
    const growthBytes = heapBytes() - heapBefore;
    t.diagnostic(`${total} cases, the heap grew by ${growthBytes} bytes`);
    assert.ok(growthBytes < maxHeapGrowthBytes, `the heap grew by ${growthBytes} bytes`);
    assert.deepEqual(hostPids(), pidsBefore, "no engine host died");
    for (const request of requests) assert.ok(await grpc(grpcFrame(encode(request))));
    assert.equal(runtime.models.leaseCount, 0);
  });
});

function encode(request: JsonValue | ModelInferRequest): Uint8Array {
  const isMessage = typeof request === "object" && request !== null && "$typeName" in request;
  const message = isMessage
    ? (request as ModelInferRequest)
    : fromJson(ModelInferRequestSchema, request as JsonValue);
  return toBinary(ModelInferRequestSchema, message);
}

/** Mutates until the result is still a message: what is not can only be sent as JSON. */
function mutatedRequest(random: Random): ModelInferRequest {
  for (let attempt = 0; attempt < 50; attempt++) {
    try {
      const mutated = mutateJson(random.pick(requests), random) as JsonValue;
      const message = fromJson(ModelInferRequestSchema, mutated, { ignoreUnknownFields: true });
      toJson(ModelInferRequestSchema, message);
      return message;
    } catch {}
  }
  return create(ModelInferRequestSchema);
}

function numbers(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => from + at);
}

function heapBytes(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
}
