import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { before, describe, it, type TestContext } from "node:test";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { flag, frame, frameType, hpackLiteral } from "../support/clients/http2-frames.ts";
import {
  headersFrame,
  openRawHttp2,
  type RawHttp2,
  requestHeaders,
} from "../support/clients/raw-http2.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { waitFor } from "../support/wait-for.ts";

const readyPath = `/${GRPCInferenceService.typeName}/ServerReady`;
const maxHeaderListBytes = 64 * 1024;
/** RFC 9113, 6.5.2. */
const fieldBytes = 32;
/** Larger fields are more than the parser takes. */
const maxFieldBytes = 20_000;

const dataFrame = (stream: number, bytes: number, flags = 0) =>
  frame({ type: frameType.data, stream, flags, payload: Buffer.alloc(bytes, "a") });
const get = (stream: number) =>
  headersFrame(stream, requestHeaders("/v2/health/live", "GET"), flag.endStream);

/** A POST that announces `contentLength` bytes. */
function post(stream: number, contentLength: number): Buffer {
  const block = [
    requestHeaders("/v2/models/m/infer"),
    hpackLiteral("withoutIndexing", "content-length", String(contentLength)),
  ];
  return headersFrame(stream, Buffer.concat(block));
}

describe("a stream of HTTP/2 that is at fault", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { maxHeaderListBytes });
  });

  async function open(t: TestContext): Promise<RawHttp2> {
    const raw = await openRawHttp2(fake.address.port);
    t.after(() => raw.close());
    return raw;
  }

  for (const [what, sent] of Object.entries({
    "has more than its content-length": [dataFrame(3, 5, flag.endStream)],
    "has more than its content-length, and goes on": [
      dataFrame(3, 2),
      dataFrame(3, 9),
      dataFrame(3, 1),
    ],
    "has less than its content-length": [dataFrame(3, 2, flag.endStream)],
  })) {
    it(`ends alone if it ${what}`, async (t) => {
      const raw = await open(t);
      const good = headersFrame(1, requestHeaders(readyPath));
      const rest = frame({
        type: frameType.data,
        stream: 1,
        flags: flag.endStream,
        payload: Buffer.alloc(5),
      });
      await raw.write(Buffer.concat([good, post(3, 3), ...sent, rest, get(5)]));
      await raw.untilEnded(3);
      await raw.write(get(7));
      await raw.untilEnded(4);
      assert.deepEqual(
        { isOpen: raw.isOpen, goaway: raw.goaway, resets: raw.resets, ended: raw.ended },
        { isOpen: true, goaway: undefined, resets: 1, ended: 4 },
      );
    });
  }

  it("ends alone if many are, in one packet", async (t) => {
    const raw = await open(t);
    const faults = Array.from({ length: 50 }, (_, index) => {
      const stream = 3 + 2 * index;
      return Buffer.concat([post(stream, 3), dataFrame(stream, 5, flag.endStream)]);
    });
    await raw.write(Buffer.concat([get(1), ...faults, get(201)]));
    await raw.untilEnded(52);
    assert.deepEqual([raw.isOpen, raw.goaway, raw.resets], [true, undefined, 50]);
  });

  it("does not save a connection that is at fault itself", async (t) => {
    const shortPing = frame({ type: 6, payload: Buffer.alloc(3) });
    for (const bytes of [
      [shortPing],
      [post(3, 3), shortPing],
      [post(3, 3), dataFrame(3, 5), shortPing],
    ]) {
      const raw = await open(t);
      await raw.write(Buffer.concat([get(1), ...bytes]));
      await waitFor(() => !raw.isOpen);
      assert.ok(raw.goaway !== undefined);
    }
  });

  /** `connection`: a client that does not know the server's limit yet, or one that has acknowledged it. */
  async function connect(t: TestContext, isNew: boolean): Promise<http2.ClientHttp2Session> {
    const client = http2.connect(`http://127.0.0.1:${fake.address.port}`, {
      maxSendHeaderBlockLength: 1024 * 1024,
    });
    t.after(() => client.destroy());
    client.on("error", () => {});
    if (!isNew) {
      await once(client, "remoteSettings");
      assert.equal((await call(client, {})).status, 200);
    }
    return client;
  }

  interface Outcome {
    readonly status: number | undefined;
    readonly grpcStatus: string | undefined;
    readonly rstCode: number;
    readonly body: string;
  }

  function call(
    client: http2.ClientHttp2Session,
    headers: http2.OutgoingHttpHeaders,
  ): Promise<Outcome> {
    return new Promise((resolve) => {
      const stream = client.request({ ":path": "/v2/health/live", ...headers });
      let answer: http2.IncomingHttpHeaders = {};
      let body = "";
      stream.on("response", (found) => {
        answer = found;
      });
      stream.setEncoding("utf8").on("data", (chunk) => {
        body += chunk;
      });
      stream.on("error", () => {});
      stream.on("close", () => {
        const status = answer[":status"] === undefined ? undefined : Number(answer[":status"]);
        const grpcStatus = answer["grpc-status"] as string | undefined;
        resolve({ status, grpcStatus, rstCode: stream.rstCode ?? 0, body });
      });
      stream.end();
    });
  }

  /** Headers that make the list of a GET exactly so many bytes. */
  function headersOf(bytes: number, common: http2.OutgoingHttpHeaders = {}) {
    const all: http2.OutgoingHttpHeaders = {
      ":method": "GET",
      ":scheme": "http",
      ":authority": `127.0.0.1:${fake.address.port}`,
      ":path": "/v2/health/live",
      ...common,
    };
    const sizeOf = (name: string, value: string) => name.length + value.length + fieldBytes;
    let left = bytes;
    for (const [name, value] of Object.entries(all)) left -= sizeOf(name, String(value));
    for (let index = 0; left > 0; index++) {
      const name = `x-${index}`;
      // Enough for a last one.
      const most = Math.min(maxFieldBytes, left <= maxFieldBytes ? left : left - 100);
      all[name] = "v".repeat(most - name.length - fieldBytes);
      left -= most;
    }
    return all;
  }

  for (const isNew of [true, false]) {
    const when = isNew ? "before the client knows the limit" : "once the client knows the limit";

    it(`may have headers up to the limit and no byte more, ${when}`, async (t) => {
      const client = await connect(t, isNew);
      const [most, more, far, pairs, beside] = await Promise.all([
        call(client, headersOf(maxHeaderListBytes)),
        call(client, headersOf(maxHeaderListBytes + 1)),
        call(client, headersOf(maxHeaderListBytes + 6 * 1024)),
        call(client, Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`y-${at}`, "1"]))),
        call(client, {}),
      ]);
      assert.deepEqual([most.status, beside.status], [200, 200]);
      for (const refused of [more, far]) {
        if (isNew) assert.deepEqual([refused.status, refused.rstCode], [431, 0]);
        else assert.equal(refused.rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      }
      if (isNew) assert.match(more.body, /more than 65536 bytes \(MAX_HEADER_LIST_BYTES\)/);
      assert.equal(pairs.rstCode, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      assert.equal((await call(client, {})).status, 200, "the connection lives");
      assert.equal((await call(client, headersOf(maxHeaderListBytes))).status, 200);
    });
  }

  it("is RESOURCE_EXHAUSTED to a gRPC client with too many headers", async (t) => {
    const client = await connect(t, true);
    const grpc = {
      ":method": "POST",
      ":path": readyPath,
      "content-type": "application/grpc",
      te: "trailers",
    };
    const refused = await call(client, headersOf(maxHeaderListBytes + 100, grpc));
    assert.deepEqual([refused.status, refused.grpcStatus], [200, "8"]);
    assert.equal((await call(client, {})).status, 200);
  });
});
