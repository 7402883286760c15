import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { before, describe, it, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { grpcFrame, until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { ProtobufWriter } from "../support/models/protobuf-writer.ts";

const MiB = 1024 * 1024;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const restPath = "/v2/models/echo/infer";
/** Of what a message may have. */
const nearlyAll = 1_990_000;
/** A tag, and a length of three bytes. */
const rawHeadBytes = 4;
const message = "the requests under way hold too much memory; try again";

/** A REST request of some size that is right. */
function echoBody(elements: number): string {
  const data = new Array<number>(elements).fill(7);
  return JSON.stringify({ inputs: [{ name: "x", datatype: "UINT8", shape: [elements], data }] });
}

describe("a port whose HTTP/1.1 clients send large bodies", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  before(async () => {
    fake = await startFakeServer(cleanup, {
      readMaxBytes: 2 * MiB,
      maxConnectionBytes: 3 * MiB,
      maxCallBytes: 4 * MiB,
    });
  });

  interface Upload {
    readonly socket: net.Socket;
    /** What has come back so far. */
    answer(): string;
  }

  /** Sends a head and `sentBytes` of a body. */
  async function upload(
    t: TestContext,
    { path = restPath, type = "application/json", announced = "", sentBytes = 0 },
  ): Promise<Upload> {
    const socket = net.connect(fake.address.port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.on("error", () => {});
    let received = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
    });
    await once(socket, "connect");
    const head = [`POST ${path} HTTP/1.1`, "Host: x", `Content-Type: ${type}`, announced];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    if (announced.startsWith("Transfer")) {
      // For gRPC-Web, the head of a message that takes more than comes.
      // A raw tensor, which costs nothing to read, or spaces.
      const spaces = Buffer.alloc(nearlyAll - rawHeadBytes, " ");
      const isJson = type === "application/json";
      const frame = grpcFrame(isJson ? spaces : new ProtobufWriter().bytes(7, spaces).finish());
      const body = type.startsWith("application/grpc") ? frame : frame.subarray(5);
      for (let sent = 0; sent < sentBytes; sent += 64 * 1024) {
        socket.write("10000\r\n");
        socket.write(body.subarray(sent, sent + 64 * 1024));
        socket.write("\r\n");
      }
    } else if (sentBytes > 0) socket.write(Buffer.alloc(sentBytes, " "));
    return { socket, answer: () => received };
  }

  const logged = (msg: string) => fake.logged.filter((line) => line["msg"] === msg).length;

  async function assertServing(): Promise<void> {
    const url = `http://127.0.0.1:${fake.address.port}${restPath}`;
    const response = await fetch(url, { method: "POST", body: echoBody(1000) });
    assert.equal(response.status, 200, await response.text());
  }

  const forms: [name: string, request: { path: string; type: string }, answer: RegExp][] = [
    [
      "REST",
      { path: restPath, type: "application/json" },
      new RegExp(`^HTTP/1\\.1 429 .*\\r\\n\\r\\n\\{"error":"${message}"\\}$`, "s"),
    ],
    [
      "Connect",
      { path: inferPath, type: "application/proto" },
      new RegExp(
        `^HTTP/1\\.1 429 .*\\r\\n\\r\\n\\{"code":"resource_exhausted","message":"${message}"\\}$`,
        "s",
      ),
    ],
    [
      "gRPC-Web",
      { path: inferPath, type: "application/grpc-web+proto" },
      new RegExp(`^HTTP/1\\.1 200 .*grpc-status: 8\\r\\ngrpc-message: ${message}\\r\\n`, "s"),
    ],
  ];
  for (const [name, request, answer] of forms) {
    it(`refuses the oldest body that is not complete where all hold too much, in the form of ${name}`, async (t) => {
      const announced = "Transfer-Encoding: chunked";
      const sentBytes = 1.5 * MiB;
      const first = await upload(t, { ...request, announced, sentBytes });
      const closed = once(first.socket, "close");
      await upload(t, { announced, sentBytes });
      await upload(t, { announced, sentBytes });
      await until(() => answer.test(first.answer()), "the first is refused");
      first.socket.end();
      await closed;
      await assertServing();
    });
  }

  it("counts what a head announces, for which memory is taken at once", async (t) => {
    const before = logged("call refused");
    const announced = `Content-Length: ${nearlyAll}`;
    const first = await upload(t, { announced, sentBytes: 1 });
    const second = await upload(t, { announced, sentBytes: 1 });
    await until(() => fake.server.connectionCount >= 2, "both are connected");
    assert.equal(first.answer(), "");
    await upload(t, { announced, sentBytes: 1 });
    await until(() => first.answer().startsWith("HTTP/1.1 429 "), "the first is refused");
    assert.equal(second.answer(), "");
    assert.equal(logged("call refused"), before + 1);
    await assertServing();
  });

  it("shares one limit between HTTP/1.1 and HTTP/2", async (t) => {
    const announced = `Content-Length: ${nearlyAll}`;
    const oldest = await upload(t, { announced, sentBytes: 1 });
    const session = http2.connect(`http://127.0.0.1:${fake.address.port}`);
    t.after(() => session.destroy());
    session.on("error", () => {});
    const headers = { ":method": "POST", ":path": restPath, "content-length": 1_450_000 };
    for (let count = 0; count < 2; count++) {
      session
        .request(headers)
        .on("error", () => {})
        .write("{");
    }
    await until(() => oldest.answer().startsWith("HTTP/1.1 429 "), "the oldest is refused");
  });

  for (const [name, path] of [
    ["unary gRPC calls", inferPath],
    ["streams", "/inference.GRPCInferenceService/ModelStreamInfer"],
    ["REST", restPath],
  ] as const) {
    it(`counts the headers of calls whose bodies never come: ${name}`, async (t) => {
      const session = http2.connect(`http://127.0.0.1:${fake.address.port}`);
      t.after(() => session.destroy());
      session.on("error", () => {});
      const headerBytes = 48 * 1024;
      const calls = 400;
      let ended = 0;
      const headers = {
        ":method": "POST",
        ":path": path,
        "content-type": path === restPath ? "application/json" : "application/grpc",
        "x-filler": "y".repeat(headerBytes),
        // Otherwise HPACK's table makes them small.
        [http2.sensitiveHeaders]: ["x-filler"],
      };
      for (let count = 0; count < calls; count++) {
        const stream = session.request(headers).on("error", () => {});
        stream.once("close", () => ended++).resume();
      }
      // The limit of a connection, and what small calls may hold beyond it.
      const most = Math.floor((7 * MiB) / headerBytes);
      await until(() => ended >= calls - most, "the oldest have ended");
      await assertServing();
    });
  }

  it("does not hold against a call what its head announces in vain", async (t) => {
    // Refused by the head alone: it must not cost others their place.
    const patient = await upload(t, { announced: `Content-Length: ${nearlyAll}`, sentBytes: 1 });
    for (let count = 0; count < 20; count++) {
      const tooLarge = await upload(t, { announced: "Content-Length: 4000000000", sentBytes: 1 });
      await until(() => tooLarge.answer().startsWith("HTTP/1.1 413 "), "it is refused");
      tooLarge.socket.destroy();
    }
    assert.equal(patient.answer(), "");
  });

  it("cuts off clients that take no answers where these hold too much", async () => {
    const big = {
      name: "y",
      datatype: "UINT8" as const,
      shape: [700_000],
      data: Buffer.alloc(700_000, 7),
    };
    fake.models.put("big", "UINT8", () => [big]);
    // JSON would be written as it is taken.
    const body = echoBody(3).replace("{", '{"parameters":{"binary_data_output":true},');
    const head = `POST /v2/models/big/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}`;
    const before = logged("call cut off");
    const sockets: net.Socket[] = [];
    const ask = () => {
      const socket = net.connect(fake.address.port, "127.0.0.1");
      sockets.push(socket);
      socket.on("error", () => {}).pause();
      // More than the buffers of both kernels hold.
      for (let sent = 0; sent < 12; sent++) socket.write(`${head}\r\n\r\n${body}`);
    };
    for (let asked = 0; asked < 8; asked++) ask();
    // Answers that find no room are refused; those that nobody takes make room for the next who ask.
    while (logged("call cut off") === before) {
      await sleep(100);
      ask();
    }
    for (const socket of sockets) socket.destroy();
    await assertServing();
  });

  it("answers requests that are sent without waiting one after the other", async (t) => {
    const socket = net.connect(fake.address.port, "127.0.0.1");
    t.after(() => socket.destroy());
    let [running, most] = [0, 0];
    fake.models.put("one", "UINT8", async ({ inputs }) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return [...inputs];
    });
    let received = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      received += text;
    });
    const requests = Array.from({ length: 100 }, (_, at) => {
      const body = echoBody(3).replace("{", `{"id":"number ${at}",`);
      return `POST /v2/models/one/infer HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    });
    socket.write(requests.join(""));
    const ids = () => [...received.matchAll(/"id":"number (\d+)"/g)].map(([, id]) => Number(id));
    await until(() => ids().length === requests.length, "all are answered");
    assert.deepEqual(
      ids(),
      requests.map((_, at) => at),
    );
    assert.equal(most, 1);
  });

  it("has logged no failure of its own", () => {
    assert.deepEqual(
      fake.logged.filter(({ level }) => Number(level) >= 50),
      [],
    );
  });
});

describe("an HTTP/1.1 client that is refused as its request arrives", () => {
  const cleanup = suiteCleanup();

  it("may send all of its body before it reads the answer", async (t) => {
    const limits = { readMaxBytes: 3 * MiB, maxConnectionBytes: 4 * MiB, maxCallBytes: 4 * MiB };
    const fake = await startFakeServer(cleanup, limits);
    // Two of these do not fit. The second one is favoured, so that the third is refused at once.
    const bodyBytes = 2_900_000;
    const connect = () => {
      const socket = net.connect(fake.address.port, "127.0.0.1");
      t.after(() => socket.destroy());
      socket.write(`POST ${restPath} HTTP/1.1\r\nHost: x\r\nContent-Length: ${bodyBytes}\r\n\r\n`);
      return socket;
    };
    const refusals = () => fake.logged.filter(({ msg }) => msg === "call refused").length;
    connect().on("error", () => {});
    await until(() => fake.server.connectionCount === 1, "the first is connected");
    connect().on("error", () => {});
    await until(() => refusals() === 1, "the first is refused for the second");

    const socket = connect();
    const failure = new Promise<Error>((resolve) => socket.once("error", resolve));
    await until(() => refusals() === 2, "the third is refused");
    const body = Buffer.alloc(bodyBytes, " ");
    const sent = new Promise<undefined>((resolve) => socket.write(body, () => resolve(undefined)));
    assert.equal(await Promise.race([sent, failure]), undefined);
    // The answer to a reset would be there by now.
    await sleep(50);
    let answer = "";
    socket.setEncoding("latin1").on("data", (text: string) => {
      answer += text;
    });
    await Promise.race([once(socket, "end"), failure]);
    assert.match(answer, /^HTTP\/1\.1 429 .*\{"error":/s);
  });
});
