import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import net from "node:net";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { flag, frame, frameType, hpackLiteral } from "../support/clients/http2-frames.ts";
import { exchange, grpcFrame, postGrpc, until, untilClosed } from "../support/clients/raw-http.ts";
import { headersFrame, openRawHttp2, requestHeaders } from "../support/clients/raw-http2.ts";
import {
  type FakeServer,
  startFakeServer,
  suiteCleanup,
  temporarySocketPath,
} from "../support/fakes/fake-server.ts";

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const emptySettings = "\0\0\0\x04\0\0\0\0\0";
const readyPath = "/inference.GRPCInferenceService/ServerReady";

function post(version: string, headers: string[], body = "{}"): string {
  const lines = [`POST ${readyPath} HTTP/${version}`, ...headers];
  const length = `Content-Length: ${Buffer.byteLength(body)}`;
  return [...lines, "Content-Type: application/json", length, "", body].join("\r\n");
}

describe("a port that meets what is no proper request", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let port: number;
  before(async () => {
    fake = await startFakeServer(cleanup, { peekTimeoutMs: 300, headersTimeoutMs: 500 });
    port = fake.address.port;
  });

  it("answers bytes that are no protocol with 400 and closes", async () => {
    for (const bytes of ["\x01\x02\x03garbage\r\n\r\n", "HELO you\r\n\r\n", "\r\n\r\n\x00\x00"]) {
      assert.match(await exchange(port, bytes), /^HTTP\/1\.1 400 /);
    }
  });

  it("answers TLS with 400 and closes", async () => {
    const clientHello = Buffer.from("16030100c8010000c40303", "hex");
    assert.match(await exchange(port, clientHello), /^HTTP\/1\.1 400 /);
  });

  it("drops a connection that says nothing, ends at once or drips the preface", async () => {
    assert.equal(await exchange(port, ""), "");
    assert.equal(await exchange(port, "", { end: true }), "");
    assert.equal(await exchange(port, "PRI * HT", { end: true }), "");
    const socket = net.connect(port, "127.0.0.1");
    const closed = untilClosed(socket);
    let sent = 0;
    const drip = setInterval(() => socket.write(preface.charAt(sent++)), 50);
    await closed;
    clearInterval(drip);
    assert.ok(sent < preface.length, "dropped before the preface was complete");
  });

  it("drops an HTTP/1.1 connection whose headers do not come to an end", async () => {
    const answer = await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n");
    assert.match(answer, /^HTTP\/1\.1 408 /);
  });

  it("does not keep connections that end in the middle of HTTP/2", async () => {
    await exchange(port, preface, { end: true });
    await exchange(port, preface + emptySettings, { end: true });
    assert.match(await exchange(port, `${preface}no frame at all`), /^\0\0/);
    await until(() => fake.server.connectionCount === 0, "no connection is left");
  });

  it("survives connections that open streams and break the protocol in one piece", async (t) => {
    // The server runs in this process, which the test runner would keep alive.
    const uncaught: unknown[] = [];
    const note = (reason: unknown) => uncaught.push(reason);
    process.on("uncaughtException", note);
    t.after(() => process.off("uncaughtException", note));
    const request = requestHeaders("/inference.GRPCInferenceService/ModelInfer");
    const dataOfNoStream = frame({ type: frameType.data, stream: 0, payload: Buffer.alloc(5) });
    for (const count of [1, 31, 33, 100]) {
      const streams = Array.from({ length: count }, (_, at) => headersFrame(2 * at + 1, request));
      const opening = Buffer.from(preface + emptySettings, "latin1");
      await exchange(port, Buffer.concat([opening, ...streams, dataOfNoStream]));
    }
    await until(() => fake.server.connectionCount === 0, "no connection is left");
    assert.deepEqual(uncaught, []);
  });

  it("answers every call of a burst whose bodies have no byte, in each protocol", async (t) => {
    const raw = await openRawHttp2(port);
    t.after(() => raw.close());
    const calls = 60;
    const bytes = ["application/grpc", "application/grpc-web+proto", "application/proto"].flatMap(
      (contentType, protocol) =>
        Array.from({ length: calls }, (_, at) => {
          const stream = 1 + 2 * (protocol * calls + at);
          const block = Buffer.concat([
            Buffer.from([0x83, 0x86]), // RFC 7541, appendix A: POST, http
            hpackLiteral("withoutIndexing", 4, readyPath),
            hpackLiteral("withoutIndexing", 1, "127.0.0.1"),
            hpackLiteral("withoutIndexing", "content-type", contentType),
          ]);
          // The end in a frame of its own, as Node's clients send it.
          const end = frame({ type: frameType.data, flags: flag.endStream, stream });
          return Buffer.concat([headersFrame(stream, block), end]);
        }),
    );
    await raw.write(Buffer.concat(bytes));
    await Promise.race([raw.untilEnded(3 * calls), sleep(10_000, undefined, { ref: false })]);
    assert.equal(raw.ended, 3 * calls);
    assert.equal(raw.resets, 0);
  });

  it("understands a preface and a verb that come byte by byte", async () => {
    const socket = net.connect(port, "127.0.0.1");
    const received: Buffer[] = [];
    socket.on("data", (chunk) => received.push(chunk));
    for (const letter of "POST") {
      socket.write(letter);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    socket.write(post("1.1", ["Host: x"]).slice(4));
    await until(() => String(Buffer.concat(received)).includes('{"ready":true}'), "an answer");
    socket.destroy();

    const slow = net.connect(port, "127.0.0.1");
    for (const letter of preface) {
      slow.write(letter, "latin1");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    slow.write(emptySettings, "latin1");
    const [settings] = await once(slow, "data");
    assert.equal(settings[3], 4, "the server's SETTINGS frame");
    slow.destroy();
  });

  it("serves HTTP/1.0, with and without a host", async () => {
    for (const headers of [[], ["Host: localhost"]]) {
      const answer = await exchange(port, post("1.0", headers));
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n/);
      assert.match(answer, /\r\n\r\n\{"ready":true\}$/);
    }
  });

  it("refuses a host that cannot be one, and keeps serving", async () => {
    const bad = post("1.1", ["Host: a b^<", "Connection: close"]);
    assert.match(await exchange(port, bad), /^HTTP\/1\.1 400 .*malformed host/s);
    const good = post("1.1", ["Host: x", "Connection: close"]);
    assert.match(await exchange(port, good), /^HTTP\/1\.1 200 /);
  });

  it("answers other verbs than POST on an RPC with 405, never as if something were not found", async () => {
    const url = `http://127.0.0.1:${port}${readyPath}`;
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS"]) {
      assert.equal((await fetch(url, { method })).status, 405, method);
    }
    assert.match(await exchange(port, "BREW / HTTP/1.1\r\nHost: x\r\n\r\n"), /^HTTP\/1\.1 400 /);
  });

  it("answers content types that no protocol has with 415", async () => {
    for (const type of ["text/plain", "application/grpc-web-text", "nonsense"]) {
      const headers = { "Content-Type": type };
      const url = `http://127.0.0.1:${port}${readyPath}`;
      const answer = await fetch(url, { method: "POST", headers, body: "{}" });
      assert.equal(answer.status, 415, type);
    }
  });

  it("answers unknown methods as UNIMPLEMENTED to each kind of client", async () => {
    const serverLive = GRPCInferenceService.method.serverLive;
    const unknown = {
      ...serverLive,
      name: "Nonsense",
      parent: { ...serverLive.parent, typeName: "no.Such" },
    };
    for (const kind of clientKinds) {
      if (kind.skip !== undefined) continue;
      const client = kind.open({ port });
      const outcome = await client.call(unknown as typeof serverLive, {});
      client.close();
      assert.deepEqual(
        outcome,
        { ok: false, code: "Unimplemented", message: "there is no method /no.Such/Nonsense" },
        kind.name,
      );
    }
    const body = grpcFrame(new Uint8Array(0));
    const answer = await postGrpc(port, "/mmesh.ModelRuntime/nonsense", { body });
    assert.equal(answer.headers[":status"], 200);
    assert.equal(answer.headers["content-type"], "application/grpc");
    assert.equal(answer.headers["grpc-status"], "12");
    assert.equal(answer.headers["grpc-message"], "there is no method /mmesh.ModelRuntime/nonsense");
  });

  it("says at / what it is, and answers other paths with 404 in JSON", async () => {
    const root = (await (await fetch(`http://127.0.0.1:${port}/`)).json()) as { version: string };
    assert.equal(root.version, "1.2.3");
    const headers = { "Content-Type": "application/json" };
    const lost = await fetch(`http://127.0.0.1:${port}/v9/x?y`, {
      method: "POST",
      headers,
      body: "{",
    });
    assert.equal(lost.status, 404);
    assert.equal(lost.headers.get("content-type"), "application/json");
    assert.deepEqual(await lost.json(), { error: "there is nothing at /v9/x" });
    const asConnect = await fetch(`http://127.0.0.1:${port}/Greeter/Greet`, {
      method: "POST",
      headers: { ...headers, "Connect-Protocol-Version": "1" },
      body: "{}",
    });
    assert.equal(asConnect.status, 404);
    assert.deepEqual(await asConnect.json(), {
      code: "unimplemented",
      message: "there is no method /Greeter/Greet",
    });
  });

  it("lets go of a call that it refused, though its client never ends the request", async () => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/inference.GRPCInferenceService/ModelInfer",
      "content-type": "application/grpc",
    });
    const head = grpcFrame(new Uint8Array(0));
    head.writeUInt32BE(2 ** 31, 1);
    stream.write(head);
    stream.resume();
    const [trailers] = await once(stream, "trailers");
    assert.equal(trailers["grpc-status"], "8");
    await once(stream, "close");
    assert.equal(stream.rstCode, http2.constants.NGHTTP2_NO_ERROR);
    session.destroy();
  });

  it("lets HTTP/1.1 clients read that streams are refused, however much they have sent", async () => {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const received: Buffer[] = [];
    let failure: Error | undefined;
    socket.on("data", (chunk) => received.push(chunk));
    socket.on("error", (error) => {
      failure = error;
    });
    const ended = new Promise((resolve) => socket.once("end", resolve));
    const path = "/inference.GRPCInferenceService/ModelStreamInfer";
    const head = [
      `POST ${path} HTTP/1.1`,
      "Host: x",
      "Content-Type: application/connect+proto",
      "Transfer-Encoding: chunked",
    ];
    socket.write(`${head.join("\r\n")}\r\n\r\n`);
    const chunk = `400\r\n${"x".repeat(1024)}\r\n`;
    for (let sent = 0; sent < 1_000; sent++) {
      socket.write(chunk);
      if (sent % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await new Promise((resolve) => socket.write("0\r\n\r\n", resolve));
    await ended;
    socket.destroy();
    assert.equal(failure, undefined);
    assert.match(String(Buffer.concat(received)), /^HTTP\/1\.1 505 /);
  });

  it("ends only the call that sends another length than it has announced", async (t) => {
    const raw = await openRawHttp2(port);
    t.after(() => raw.close());
    const headers = requestHeaders(readyPath);
    const length = (bytes: number) => hpackLiteral("withoutIndexing", "content-length", `${bytes}`);
    const body = (stream: number) =>
      frame({
        type: frameType.data,
        flags: flag.endStream,
        stream,
        payload: grpcFrame(new Uint8Array(0)),
      });
    await raw.write(headersFrame(1, headers));
    for (const [at, bytes] of [3, 50, 2, 4].entries()) {
      const stream = 3 + 2 * at;
      await raw.write(headersFrame(stream, Buffer.concat([headers, length(bytes)])));
      await raw.write(body(stream));
    }
    await raw.untilEnded(4);
    assert.deepEqual([raw.resets, raw.goaway, raw.isOpen], [4, undefined, true]);
    await raw.write(body(1));
    await raw.untilEnded(5);
    assert.deepEqual([raw.resets, raw.goaway, raw.isOpen], [4, undefined, true]);
  });

  it("ends the connection that breaks a rule of its own", async () => {
    const raw = await openRawHttp2(port);
    // RFC 9113, 6.1: DATA belongs to a stream.
    await raw.write(frame({ type: frameType.data, stream: 0, payload: Buffer.alloc(4) }));
    await until(() => !raw.isOpen, "the connection is closed");
    assert.equal(raw.goaway, http2.constants.NGHTTP2_PROTOCOL_ERROR);
  });

  it("goes on serving after all of this", async () => {
    const { serverReady } = GRPCInferenceService.method;
    const client = clientKinds[0]?.open({ port });
    assert.deepEqual(await client?.call(serverReady, {}), { ok: true, message: { ready: true } });
    client?.close();
  });
});

describe("a port that has as many connections as it may", () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let socketPath: string;
  before(async () => {
    socketPath = await temporarySocketPath(cleanup);
    fake = await startFakeServer(cleanup, { maxConnections: 2, socketPath });
  });

  it("tells others so in their own protocol, and takes them when there is room", async (t) => {
    const { port } = fake.address;
    const held = [0, 1].map(() => net.connect(port, "127.0.0.1"));
    t.after(() => {
      for (const socket of held) socket.destroy();
    });
    await until(() => fake.server.connectionCount === 2, "both are connected");

    const answer = await exchange(port, post("1.1", ["Host: x"]));
    assert.match(answer, /^HTTP\/1\.1 503 .*\r\n\r\n\{"error":"the connection limit is reached/s);

    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const [code] = await once(session, "goaway");
    assert.equal(code, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    session.destroy();

    held[0]?.destroy();
    await until(() => fake.server.connectionCount === 1, "one has gone");
    const served = await exchange(port, post("1.1", ["Host: x", "Connection: close"]));
    assert.match(served, /^HTTP\/1\.1 200 /);
  });

  it("takes those of the unix socket all the same", async (t) => {
    const { port } = fake.address;
    const held = [0, 1].map(() => net.connect(port, "127.0.0.1"));
    t.after(() => {
      for (const socket of held) socket.destroy();
    });
    await until(() => fake.server.connectionCount === 2, "both are connected");
    const socket = net.connect(socketPath);
    socket.write(post("1.1", ["Host: x", "Connection: close"]));
    assert.match(String(Buffer.concat(await socket.toArray())), /^HTTP\/1\.1 200 /);
  });
});
