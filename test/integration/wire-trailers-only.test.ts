import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { before, describe, it } from "node:test";
import {
  flag,
  frame,
  frameType,
  hpackLiteral,
  preface,
  readFrames,
} from "../support/clients/http2-frames.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";
import { headersFrame } from "../support/clients/raw-http2.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";

interface Call {
  readonly path: string;
  readonly authority?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether the request never ends. */
  readonly isOpen?: boolean;
}

const live = "/inference.GRPCInferenceService/ServerLive";
const infer = "/inference.GRPCInferenceService/ModelInfer";

/** Each place of the server that refuses a gRPC call before it is an RPC, and with which status. */
const places: Readonly<Record<string, readonly [call: Call, status: string, message: RegExp]>> = {
  "an unknown method": [
    { path: "/mmesh.ModelRuntime/nonsense" },
    "12",
    /^there is no method \/mmesh\.ModelRuntime\/nonsense$/,
  ],
  "an unknown service": [
    { path: "/no.Such/Thing" },
    "12",
    /^there is no method \/no\.Such\/Thing$/,
  ],
  "a page of another origin": [
    { path: live, headers: { origin: "https://evil.example" } },
    "7",
    /^pages of https:\/\/evil\.example may not/,
  ],
  "a path that cannot be decoded": [{ path: "/%zz/x" }, "3", /is not percent-encoded UTF-8$/],
  "a malformed authority": [
    { path: "/inference.GRPCInferenceService/ModelStreamInfer", authority: "a:b:c" },
    "3",
    /^the request names a malformed host$/,
  ],
  "a request that does not come": [{ path: infer, isOpen: true }, "4", /did not arrive/],
};

function blockOf({ path, authority = "127.0.0.1", headers = {} }: Call): Buffer {
  return Buffer.concat([
    Buffer.from([0x83, 0x86]), // RFC 7541, appendix A: POST, http
    hpackLiteral("withoutIndexing", 4, path),
    hpackLiteral("withoutIndexing", 1, authority),
    hpackLiteral("withoutIndexing", 31, "application/grpc"),
    hpackLiteral("withoutIndexing", "te", "trailers"),
    ...Object.entries(headers).map(([name, value]) => hpackLiteral("withoutIndexing", name, value)),
  ]);
}

/** The frames of HEADERS and DATA that answer a call, up to the end of its stream. */
async function framesOf(port: number, call: Call) {
  const socket = net.connect(port, "127.0.0.1");
  const body = frame({
    type: frameType.data,
    flags: call.isOpen === true ? 0 : flag.endStream,
    stream: 1,
    payload: call.isOpen === true ? Buffer.of(0, 0, 0, 0, 9) : grpcFrame(new Uint8Array()),
  });
  socket.write(Buffer.concat([preface, frame({ type: frameType.settings })]));
  socket.write(Buffer.concat([headersFrame(1, blockOf(call)), body]));
  let received = Buffer.alloc(0);
  try {
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk as Buffer]);
      const frames = readFrames(received).filter(({ stream }) => stream === 1);
      const answer = frames.filter(({ type }) => type <= frameType.headers);
      if (answer.some(({ flags }) => flags & flag.endStream)) return answer;
    }
  } finally {
    socket.destroy();
  }
  throw new Error("the connection ended before the answer");
}

async function headersOf(port: number, call: Call) {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  try {
    const stream = session.request({
      ":method": "POST",
      ":path": call.path,
      ...(call.authority && { ":authority": call.authority }),
      "content-type": "application/grpc",
      te: "trailers",
      ...call.headers,
    });
    stream.on("error", () => {});
    if (call.isOpen === true) stream.write(Buffer.of(0, 0, 0, 0, 9));
    else stream.end(grpcFrame(new Uint8Array()));
    const [headers] = (await once(stream, "response")) as [http2.IncomingHttpHeaders];
    return headers;
  } finally {
    session.destroy();
  }
}

describe("a gRPC call that is refused before it is an RPC", { timeout: 300_000 }, () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, { requestTimeoutMs: 300 });
  });

  for (const [place, [call, status, message]] of Object.entries(places)) {
    it(`is answered by one block of headers that ends the stream: ${place}`, async () => {
      const frames = await framesOf(fake.address.port, call);
      assert.deepEqual(
        frames.map(({ type, flags }) => [type, flags & (flag.endStream | flag.endHeaders)]),
        [[frameType.headers, flag.endStream | flag.endHeaders]],
      );
      const headers = await headersOf(fake.address.port, call);
      assert.equal(headers[":status"], 200);
      assert.equal(headers["content-type"], "application/grpc");
      assert.equal(headers["grpc-status"], status);
      assert.match(decodeURIComponent(String(headers["grpc-message"])), message);
      assert.equal(headers["content-length"], undefined);
    });
  }
});
