import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { divideMemory } from "../../src/config/memory-division.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";
import { writeWeightsModel } from "../support/models/layered-models.ts";
import { constant, encodeModel } from "../support/models/onnx-builder.ts";
import { ProtobufWriter } from "../support/models/protobuf-writer.ts";
import { identity } from "../support/models/simple-models.ts";
import { peakDuring } from "../support/processes/memory-peak.ts";
import { canMeasureTrees, privateBytesOf } from "../support/processes/process-tree.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const MiB = 1024 * 1024;
const containerBytes = 512 * MiB;
const weightBytes = 12 * MiB;
/** Of one answer of the model "grows". */
const answerBytes = 4 * MiB;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const streamPath = "/inference.GRPCInferenceService/ModelStreamInfer";
/** RESOURCE_EXHAUSTED, and no status because the stream was cut off. */
const refusals = ["8", undefined];

const { division } = divideMemory({
  container: containerBytes,
  buffer: undefined,
  runs: undefined,
  payloads: undefined,
  sharedHosts: undefined,
  hostWaste: undefined,
  largestMessage: 64 * MiB,
  leastModels: 10_000_000,
});

/** "x" FP32 [1,1] -> "y": `answerBytes` of it. */
function grows(): Uint8Array {
  const shape = [1, answerBytes / 4];
  return encodeModel({
    inputs: [{ name: "x", datatype: "FP32", shape: [1, 1] }],
    outputs: [{ name: "y", datatype: "FP32", shape }],
    nodes: [{ op: "Tile", inputs: ["x", "times"], outputs: ["y"] }],
    constants: [constant("times", "INT64", [2], shape)],
  }).finish();
}

function inferRequest(model: string, raw: Uint8Array): Buffer {
  const input = new ProtobufWriter().text(1, "x").text(2, "FP32");
  input.integer(3, 1).integer(3, raw.length / 4);
  return grpcFrame(new ProtobufWriter().text(1, model).message(5, input).bytes(7, raw).finish());
}

describe("a small container that is full of models", { skip: !canMeasureTrees }, () => {
  let folder: string;
  let served: Served;
  let modelBytes = 0;
  let quietBytes = 0;
  const sessions: http2.ClientHttp2Session[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-division-"));
    await Promise.all([
      writeFile(join(folder, "same.onnx"), identity("FP32")),
      writeFile(join(folder, "grows.onnx"), grows()),
      writeWeightsModel(join(folder, "weights.onnx"), weightBytes),
    ]);
    served = await startServed(
      ["--root-model-dir", folder, "--container-memory", `${containerBytes}`],
      { nodeFlags: ["--max-semi-space-size=4"] },
    );
    for (const id of ["same", "grows"]) {
      const { status, text } = await load(id, `${id}.onnx`);
      assert.equal(status, 200, text);
    }
    for (let number = 0; ; number++) {
      const { status, text } = await load(`weights-${number}`, "weights.onnx");
      if (status !== 200) {
        assert.match(text, /resource_exhausted/);
        break;
      }
      modelBytes += Number(JSON.parse(text).sizeInBytes);
    }
    quietBytes = await privateBytesOf(served.pid);
  });
  after(async () => {
    for (const session of sessions) session.destroy();
    await served.stop("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });

  async function load(modelId: string, modelPath: string) {
    const response = await fetch(`http://127.0.0.1:${served.port}/mmesh.ModelRuntime/loadModel`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ modelId, modelPath, modelType: "onnx" }),
    });
    return { status: response.status, text: await response.text() };
  }

  async function connect(settings: http2.Settings = {}): Promise<http2.ClientHttp2Session> {
    const session = http2.connect(`http://127.0.0.1:${served.port}`, {
      maxSessionMemory: 2_000,
      settings,
    });
    session.on("error", () => {});
    sessions.push(session);
    await once(session, "connect");
    return session;
  }

  function open(session: http2.ClientHttp2Session, path = inferPath): http2.ClientHttp2Stream {
    const headers = { ":method": "POST", ":path": path, te: "trailers" };
    const stream = session.request({ ...headers, "content-type": "application/grpc" });
    return stream.on("error", () => {});
  }

  /** The status of the call, undefined if it has none, once its stream is closed. */
  async function statusOf(stream: http2.ClientHttp2Stream): Promise<string | undefined> {
    let status: string | undefined;
    const note = (headers: http2.IncomingHttpHeaders) => {
      status = headers["grpc-status"]?.toString() ?? status;
    };
    stream.on("response", note).on("trailers", note);
    if (!stream.closed) await new Promise((resolve) => stream.once("close", resolve));
    return status;
  }

  async function assertWithin(work: () => Promise<void>): Promise<void> {
    const peak = await peakDuring(served.pid, work);
    const parts = [...peak.tree.bytesByPid].map(([pid, bytes]) => `${pid}: ${mib(bytes)}`);
    const figures = `${mib(peak.privateBytes)} (${parts.join(", ")})`;
    assert.ok(peak.privateBytes <= containerBytes, `${figures} of ${mib(containerBytes)}`);
  }

  async function assertServing(): Promise<void> {
    const stream = open(await connect()).resume();
    stream.end(inferRequest("same", Buffer.alloc(4 * 1024)));
    assert.equal(await statusOf(stream), "0");
  }

  it("has taken them up to its part for models", () => {
    assert.ok(modelBytes <= division.models, `${modelBytes}`);
    assert.ok(modelBytes > division.models - 4 * weightBytes, `${modelBytes}`);
  });

  it("holds with thirty messages that are half sent", async () => {
    await assertWithin(async () => {
      const own = await Promise.all(Array.from({ length: 5 }, () => connect()));
      const half = Buffer.alloc(6 * MiB, 1);
      // A message of twice as much.
      half.writeUInt8(0, 0);
      half.writeUInt32BE(2 * half.length, 1);
      const streams = Array.from({ length: 30 }, (_, at) => {
        const stream = open(own[at % own.length] as http2.ClientHttp2Session, streamPath).resume();
        stream.write(half);
        return stream;
      });
      // Some make room for the others: what all send is three times what they may hold.
      await waitFor(() => streams.filter(({ closed }) => closed).length >= 10);
      for (const session of own) session.destroy();
    });
    await assertServing();
  });

  it("holds with forty answers that nobody reads", async () => {
    await assertWithin(async () => {
      const session = await connect();
      const streams = Array.from({ length: 40 }, () => open(session).pause());
      const statuses = streams.map(statusOf);
      for (const stream of streams) stream.end(inferRequest("grows", Buffer.alloc(4)));
      const first = await Promise.race(statuses);
      assert.ok(refusals.includes(first), first);
      await sleep(500);
      session.destroy();
      await Promise.all(statuses);
    });
    await assertServing();
  });

  it("holds with forty requests of 8 MB at once, and answers what has room", async () => {
    const request = inferRequest("same", Buffer.alloc(8 * MiB));
    await assertWithin(async () => {
      const own = await Promise.all(
        Array.from({ length: 4 }, () => connect({ initialWindowSize: 16 * MiB })),
      );
      const statuses = Array.from({ length: 40 }, (_, at) => {
        const stream = open(own[at % own.length] as http2.ClientHttp2Session).resume();
        stream.end(request);
        return statusOf(stream);
      });
      for (const status of await Promise.all(statuses)) {
        assert.ok(status === "0" || refusals.includes(status), status);
      }
    });
    // One alone always has room.
    const alone = open(await connect()).resume();
    alone.end(request);
    assert.equal(await statusOf(alone), "0");
  });

  it("has given back what they took a moment later", { timeout: 60_000 }, async () => {
    // What they took together is ten times that.
    const mostBytes = quietBytes + 64 * MiB;
    while ((await privateBytesOf(served.pid)) > mostBytes) await sleep(200);
  });
});

function mib(bytes: number): string {
  return `${Math.round(bytes / MiB)} MiB`;
}
