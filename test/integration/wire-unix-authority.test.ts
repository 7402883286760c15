import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { before, describe, it } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { ServerReadyResponseSchema } from "../../gen/inference/inference_pb.ts";
import {
  flag,
  frame,
  frameType,
  hpackInteger,
  hpackLiteral,
  preface,
  readFrames,
} from "../support/clients/http2-frames.ts";
import { grpcFrame, until } from "../support/clients/raw-http.ts";
import {
  startFakeServer,
  suiteCleanup,
  temporarySocketPath,
} from "../support/fakes/fake-server.ts";

// Indices of HPACK's static table, and where the first entry of the dynamic one is.
const index = { authority: 1, postMethod: 3, path: 4, httpScheme: 6, contentType: 31 };
const firstDynamic = 62;

function indexedField(at: number): Buffer {
  return hpackInteger(0x80, 7, at);
}

function request(stream: number, block: readonly Buffer[]): Buffer {
  const { headers, data } = frameType;
  return Buffer.concat([
    frame({ type: headers, flags: flag.endHeaders, stream, payload: Buffer.concat(block) }),
    frame({ type: data, flags: flag.endStream, stream, payload: grpcFrame(new Uint8Array()) }),
  ]);
}

describe("a client that names the path of the unix socket as its authority, as Netty does", () => {
  const cleanup = suiteCleanup();
  let socketPath: string;
  before(async () => {
    socketPath = await temporarySocketPath(cleanup);
    await startFakeServer(cleanup, { socketPath });
  });

  async function readyAnswers(sent: readonly Buffer[], streams: readonly number[]) {
    const socket = net.connect(socketPath);
    const received: Buffer[] = [];
    socket.on("data", (chunk) => received.push(chunk));
    await once(socket, "connect");
    for (const bytes of sent) {
      socket.write(bytes);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const frames = () => readFrames(Buffer.concat(received));
    const isEnded = (stream: number) =>
      frames().some((each) => each.stream === stream && (each.flags & flag.endStream) !== 0);
    try {
      await until(() => streams.every(isEnded), "every stream is answered");
    } finally {
      socket.destroy();
    }
    return streams.map((stream) => {
      const message = frames().find((each) => each.type === 0 && each.stream === stream);
      assert.ok(message, `stream ${stream} has an answer with a message`);
      return fromBinary(ServerReadyResponseSchema, message.payload.subarray(5)).ready;
    });
  }

  const settings = frame({ type: frameType.settings });
  const literals = [
    hpackLiteral("incremental", index.authority, "/tmp/mmesh/grpc.sock"),
    hpackLiteral("incremental", index.path, "/inference.GRPCInferenceService/ServerReady"),
    hpackLiteral("incremental", index.contentType, "application/grpc"),
    hpackLiteral("incremental", "te", "trailers"),
  ];
  const first = request(1, [
    indexedField(index.postMethod),
    indexedField(index.httpScheme),
    ...literals,
  ]);

  it("is served", async () => {
    assert.deepEqual(await readyAnswers([preface, settings, first], [1]), [true]);
  });

  for (const [name, more] of [
    ["by the fast path", []],
    ["by Connect", [hpackLiteral("incremental", "grpc-encoding", "gzip")]],
  ] as const) {
    it(`is served ${name} where the path is escaped, as in gRPC's C core`, async () => {
      const escaped = [
        hpackLiteral("incremental", index.authority, "tmp%2Fmmesh%2Fgrpc.sock"),
        ...literals.slice(1),
        ...more,
      ];
      const block = [indexedField(index.postMethod), indexedField(index.httpScheme), ...escaped];
      assert.deepEqual(await readyAnswers([preface, settings, request(1, block)], [1]), [true]);
    });
  }

  it("is served again by what both ends then have in their tables", async () => {
    const known = literals.map((_, back) =>
      indexedField(firstDynamic + literals.length - 1 - back),
    );
    const second = request(3, [
      indexedField(index.postMethod),
      indexedField(index.httpScheme),
      ...known,
    ]);
    const sent = [Buffer.concat([preface, settings, first]), second];
    assert.deepEqual(await readyAnswers(sent, [1, 3]), [true, true]);
  });

  it("is served however its bytes are cut", async () => {
    const bytes = Buffer.concat([preface, settings, first]);
    const drip = [...bytes].map((byte) => Buffer.from([byte]));
    assert.deepEqual(await readyAnswers(drip, [1]), [true]);
  });
});
