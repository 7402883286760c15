import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { grpcFrame } from "../support/clients/raw-http.ts";
import { SenderThread, type SentRequest } from "../support/clients/sender-thread.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { ProtobufWriter } from "../support/models/protobuf-writer.ts";
import { worstTurn } from "../support/processes/turn-cost.ts";

const MiB = 1024 * 1024;
const size = 4 * MiB;
/** Of CPU, for one turn of the event loop. The goal is 20 ms, and the figures are printed; compilation and garbage
 *  of all the other shapes come on top. Decoding these messages in one go takes 500 to 2,400 ms. */
const mostTurnMs = 100;

/** As a field of this number. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.from(new ProtobufWriter().bytes(number, content).finish());
}

/** `size` bytes of the same. */
function many(unit: readonly number[] | Uint8Array | string): Buffer {
  const bytes = Buffer.from(unit as string);
  return Buffer.alloc(Math.floor(size / bytes.length) * bytes.length, bytes);
}

const model = field(1, Buffer.from("echo"));
const parameter = field(
  4,
  Buffer.concat([field(1, Buffer.from("k")), field(2, Buffer.from([8, 1]))]),
);
const typed = (contents: Buffer) => Buffer.concat([model, field(5, field(5, contents))]);
const binary: Readonly<Record<string, Buffer>> = {
  parameters: Buffer.concat([model, many(parameter)]),
  "empty inputs": Buffer.concat([model, many([5 * 8 + 2, 0])]),
  "empty outputs": Buffer.concat([model, many([6 * 8 + 2, 0])]),
  "empty raw contents": Buffer.concat([model, many([7 * 8 + 2, 0])]),
  "empty strings": typed(many([8 * 8 + 2, 0])),
  "strings in between": typed(many([8 * 8 + 2, 0, 3 * 8 + 2, 0])),
  dimensions: Buffer.concat([model, field(5, field(3, Buffer.alloc(size, 1)))]),
  "dimensions one by one": Buffer.concat([model, field(5, many([3 * 8, 1]))]),
  "integers of 64 bits": typed(field(3, Buffer.alloc(size, 1))),
  "integers in parts": typed(many(field(2, Buffer.from([1])))),
  "fields that nobody knows": many([12 * 8, 1]),
};

const list = (unit: string) => many(unit).subarray(0, -1).toString();
const json: Readonly<Record<string, string>> = {
  "empty objects": `{"inputs":[${list("{},")}]}`,
  "empty arrays": `{"inputs":[${list("[],")}]}`,
  numbers: `{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[${list("0,")}]}]}`,
  strings: `{"inputs":[{"name":"x","shape":[1],"datatype":"BYTES","data":[${list('"",')}]}]}`,
  parameters: `{"parameters":{${list('"a":1,')}}}`,
  nesting: `{"inputs":${"[".repeat(size)}`,
};

interface Shape extends SentRequest {
  readonly name: string;
}

const infer = "/inference.GRPCInferenceService/ModelInfer";
const rpcForms = (name: string, message: Buffer): Shape[] => [
  {
    name: `gRPC-Web, ${name}`,
    path: infer,
    headers: { "content-type": "application/grpc-web+proto" },
    body: grpcFrame(message),
  },
  {
    name: `Connect, ${name}`,
    path: infer,
    headers: { "content-type": "application/proto" },
    body: message,
  },
  {
    name: `Connect with gzip, ${name}`,
    path: infer,
    headers: { "content-type": "application/proto", "content-encoding": "gzip" },
    body: gzipSync(message),
  },
];
const shapes: Shape[] = [
  ...Object.entries(binary).flatMap(([name, message]) => rpcForms(name, message)),
  ...Object.entries(json).flatMap(([name, text]) => [
    {
      name: `REST, ${name}`,
      path: "/v2/models/echo/infer",
      headers: { "content-type": "application/json" },
      body: Buffer.from(text),
    },
    {
      name: `Connect, JSON, ${name}`,
      path: infer,
      headers: { "content-type": "application/json" },
      body: Buffer.from(text),
    },
  ]),
];

describe("one message of 4 MiB that is all in pieces", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let sender: SenderThread;
  before(async () => {
    fake = await startFakeServer(cleanup, { readMaxBytes: 64 * MiB });
    sender = new SenderThread(fake.address.port);
    cleanup.after(() => sender.close());
    // What every first call pays for.
    for (const shape of shapes) await sender.send({ ...shape, body: shape.body.subarray(0, 2000) });
  });

  /** Of the server alone: to hand the message over copies it. */
  async function cost(request: SentRequest, isGrpc = false) {
    return await worstTurn(
      mostTurnMs,
      () => sender.hold(request, isGrpc),
      () => sender.sendHeld(),
    );
  }

  for (const shape of shapes) {
    it(`holds up nobody: ${shape.name}`, async (t) => {
      const { outcome, worstMs } = await cost(shape);
      t.diagnostic(`${outcome}, worst turn ${worstMs.toFixed(1)} ms of CPU`);
      assert.ok(worstMs < mostTurnMs, `a turn took ${worstMs} ms of CPU`);
      assert.match(outcome, /^(200|400|413|429|reset)/);
    });
  }

  for (const [name, message] of Object.entries(binary)) {
    it(`holds up nobody: gRPC, ${name}`, async (t) => {
      const headers = { "content-type": "application/grpc" };
      const request = { path: infer, headers, body: grpcFrame(message) };
      const { outcome, worstMs } = await cost(request, true);
      t.diagnostic(`${outcome}, worst turn ${worstMs.toFixed(1)} ms of CPU`);
      assert.ok(worstMs < mostTurnMs, `a turn took ${worstMs} ms of CPU`);
      // INVALID_ARGUMENT where it does not fit the model, RESOURCE_EXHAUSTED where it is too much.
      assert.match(outcome, /^grpc (3|8)$/);
    });
  }

  for (const [what, letter] of Object.entries({ text: "a", base64: 0xff })) {
    it(`holds up nobody: REST, an answer with one string of 40 MiB as ${what}`, async (t) => {
      const content = Buffer.alloc(40 * MiB, letter);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(content.length);
      const binary_data_size = length.length + content.length;
      const input = { name: "x", datatype: "BYTES", shape: [1], parameters: { binary_data_size } };
      const head = Buffer.from(JSON.stringify({ inputs: [input] }));
      const shape: Shape = {
        name: what,
        path: "/v2/models/echo/infer",
        headers: {
          "content-type": "application/octet-stream",
          "inference-header-content-length": String(head.length),
        },
        body: Buffer.concat([head, length, content]),
      };
      const { outcome, worstMs } = await cost(shape);
      t.diagnostic(`${outcome}, worst turn ${worstMs.toFixed(1)} ms of CPU`);
      assert.ok(worstMs < mostTurnMs, `a turn took ${worstMs} ms of CPU`);
      assert.match(outcome, /^200/);
    });
  }
});
