import assert from "node:assert/strict";
import http2 from "node:http2";
import { before, describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { grpcFrame, until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { ProtobufWriter } from "../support/models/protobuf-writer.ts";

const MiB = 1024 * 1024;
const message = "the requests under way hold too much memory; try again";
const inferPath = "/inference.GRPCInferenceService/ModelInfer";

/** JSON of some size that gzip makes a hundredth of, for a model that never answers. */
function hangingBody(bytes: number): Buffer {
  const unit = Array.from({ length: 2000 }, (_, at) => String((at * 7919) % 256)).join(",");
  const elements: string[] = [];
  for (let size = 0; size < bytes; size += unit.length + 1) elements.push(unit);
  const data = elements.join(",");
  const shape = [data.split(",").length];
  return Buffer.from(
    `{"inputs":[{"name":"x","datatype":"UINT8","shape":[${shape}],"data":[${data}]}]}`,
  );
}

describe("a port whose clients compress what they send", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, {
      readMaxBytes: 4 * MiB,
      maxConnectionBytes: 64 * MiB,
      // Half of it has room for what the JSON takes while it is read.
      maxCallBytes: 64 * MiB,
    });
  });

  const url = (path: string) => `http://127.0.0.1:${fake.address.port}${path}`;

  async function callsUnderWay(count: number): Promise<void> {
    await until(
      () => fake.models.calls.filter(({ signal }) => signal?.aborted === false).length >= count,
      `${count} calls are under way`,
    );
  }

  it("count for what their requests have become, and are refused before it is too much", async (t) => {
    const body = gzipSync(hangingBody(3.5 * MiB));
    assert.ok(body.length < 0.1 * MiB, `${body.length} bytes`);
    const client = new AbortController();
    t.after(() => client.abort());
    const post = () =>
      fetch(url("/v2/models/hangs/infer"), {
        method: "POST",
        headers: { "content-encoding": "gzip" },
        body,
        signal: client.signal,
      });
    // Whoever hangs does so for good, so the answers that come are refusals.
    const answers = Array.from({ length: 24 }, post);
    const settled = Promise.allSettled(answers);
    const refused = await Promise.any(answers);
    assert.equal(refused.status, 429);
    assert.deepEqual(await refused.json(), { error: message });
    await callsUnderWay(1);
    const held = fake.models.calls.filter(({ signal }) => signal?.aborted === false).length;
    assert.ok(held * 3.5 <= 64, `${held} requests of 3.5 MiB are held within 64 MiB`);
    client.abort();
    await settled;
    await until(
      () => fake.models.calls.every(({ signal }) => signal?.aborted !== false),
      "their callers have left",
    );
    const again = await fetch(url("/v2/models/echo/infer"), {
      method: "POST",
      headers: { "content-encoding": "gzip" },
      body,
    });
    assert.equal(again.status, 200, await again.text());
  });

  it("count so in gRPC and Connect as well", async (t) => {
    const sessions = Array.from({ length: 24 }, () => http2.connect(url("")));
    t.after(() => {
      for (const session of sessions) session.destroy();
    });
    const inflated = rawRequest("hangs", hangingBody(3.5 * MiB));
    const calls = sessions.map((session, at) => compressedCall(session, inflated, at % 2 === 0));
    const first = await Promise.any(calls);
    assert.match(first, /^(8|429) /);
    assert.match(first, new RegExp(message.replaceAll(" ", ".+")));
  });

  it("are told where little becomes very much", async () => {
    const bomb = Buffer.alloc(3 * MiB, " ");
    for (const [encoding, body] of [
      ["gzip", gzipSync(bomb)],
      ["deflate", deflateSync(bomb)],
    ] as const) {
      const answer = await fetch(url("/v2/models/echo/infer"), {
        method: "POST",
        headers: { "content-encoding": encoding },
        body,
      });
      assert.equal(answer.status, 413);
      const { error } = (await answer.json()) as { error: string };
      assert.match(error, /expand by a factor of more than 200: send them uncompressed/);
    }
  });
});

/** A ModelInferRequest with the bytes as a raw tensor. */
function rawRequest(model: string, raw: Buffer): Uint8Array {
  const input = new ProtobufWriter().text(1, "x").text(2, "UINT8").integer(3, raw.length);
  return new ProtobufWriter().text(1, model).message(5, input).bytes(7, raw).finish();
}

/** How the call ends: its status and its message. */
async function compressedCall(
  session: http2.ClientHttp2Session,
  inflated: Uint8Array,
  isGrpc: boolean,
): Promise<string> {
  const body = gzipSync(inflated);
  const type = isGrpc
    ? { "content-type": "application/grpc", "grpc-encoding": "gzip" }
    : { "content-type": "application/proto", "content-encoding": "gzip" };
  const stream = session.request({ ":method": "POST", ":path": inferPath, ...type });
  let head: Record<string, unknown> = {};
  let text = "";
  stream.on("response", (headers) => {
    head = { ...head, ...headers };
  });
  stream.on("trailers", (trailers) => {
    head = { ...head, ...trailers };
  });
  stream.setEncoding("utf8").on("data", (piece: string) => {
    text += piece;
  });
  const frame = grpcFrame(body);
  frame[0] = 1;
  stream.end(isGrpc ? frame : body);
  await new Promise((resolve, reject) => stream.on("close", resolve).on("error", reject));
  return `${head["grpc-status"] ?? head[":status"]} ${head["grpc-message"] ?? text}`;
}
