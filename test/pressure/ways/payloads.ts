import { once } from "node:events";
import http from "node:http";
import type http2 from "node:http2";
import net from "node:net";
import { inferMessage, outputOf, zeros } from "../messages.ts";
import { type Pressed, pause, repeat, type Way } from "../way.ts";
import { callGrpc, endOf, grpcHead, inferPath, openSession, request } from "../wire-calls.ts";

const MB = 1_000_000;
const half = Buffer.alloc(30 * MB);

/** "n" for the model that answers with so many floats. */
function count(elements: number): Uint8Array {
  const raw = new Uint8Array(BigInt64Array.of(BigInt(elements)).buffer);
  return inferMessage("grow", [{ name: "n", datatype: "INT64", shape: [1], raw }]);
}

/** The same as JSON whose answer comes as bytes. */
function countJson(elements: number): string {
  const inputs = [{ name: "n", datatype: "INT64", shape: [1], data: [elements] }];
  return JSON.stringify({ inputs, parameters: { binary_data_output: true } });
}

export const payloadWays: readonly Way[] = [
  {
    name: "half-sent messages, gRPC",
    about: "30 streams that announce 60 MB and send 30",
    refusals: ["RESOURCE_EXHAUSTED", "cut"],
    answers: "any",
    async press(pressed) {
      const { port, stop, tally, scale } = pressed;
      await repeat(pressed, 30 * scale, async () => {
        const session = openSession(port);
        const stream = request(session, { path: inferPath });
        if (stream !== undefined) {
          const end = endOf(stream, stop);
          stream.write(grpcHead(60 * MB));
          stream.write(half);
          tally.count(await end);
        }
        session.destroy();
        await pause(stop, 50);
      });
    },
  },
  {
    name: "half-sent bodies, REST",
    about: "30 connections that announce 60 MB, in chunks or by length, and send 30",
    refusals: ["HTTP 429", "HTTP 408", "cut"],
    answers: "any",
    press: (pressed) =>
      repeat(pressed, 30 * pressed.scale, async (caller) => {
        await halfBody(pressed, caller % 2 === 0);
        await pause(pressed.stop, 50);
      }),
  },
  {
    name: "unread answers, gRPC",
    about: "40 answers of 40 MB at once whose callers do not read",
    refusals: ["RESOURCE_EXHAUSTED", "cut"],
    answers: "any",
    models: { grow: "grow" },
    press: (pressed) =>
      repeat(pressed, 40 * pressed.scale, () => leaveUnread(pressed, inferPath, 10 * MB)),
  },
  {
    name: "unread streams, gRPC",
    about: "20 streams of inferences that answer 4 MB each, none of which is read",
    refusals: ["RESOURCE_EXHAUSTED", "cut"],
    answers: "any",
    models: { grow: "grow" },
    press: (pressed) =>
      repeat(pressed, 20 * pressed.scale, () =>
        leaveUnread(pressed, "/inference.GRPCInferenceService/ModelStreamInfer", MB, 50),
      ),
  },
  {
    name: "slow readers, REST",
    about: "30 answers of 20 MB, read at 200 kB a second",
    refusals: ["HTTP 429", "cut"],
    answers: "any",
    models: { grow: "grow" },
    press: (pressed) =>
      repeat(pressed, 30 * pressed.scale, () =>
        readSlowly(pressed, {
          path: "/v2/models/grow/infer",
          type: "application/json",
          body: Buffer.from(countJson(5 * MB)),
        }),
      ),
  },
  {
    name: "slow readers, gRPC-Web",
    about: "30 answers of 20 MB, read at 200 kB a second",
    refusals: ["HTTP 429", "cut"],
    answers: "any",
    models: { grow: "grow" },
    press(pressed) {
      const message = count(5 * MB);
      const body = Buffer.concat([grpcHead(message.length), message]);
      return repeat(pressed, 30 * pressed.scale, () =>
        readSlowly(pressed, { path: inferPath, type: "application/grpc-web+proto", body }),
      );
    },
  },
  {
    name: "400 x 8 MB",
    about: "400 calls of 8 MB at once, over 8 connections",
    refusals: ["RESOURCE_EXHAUSTED", "cut"],
    answers: "some",
    async press(pressed) {
      const { port, stop: signal, tally, scale } = pressed;
      const message = zeros("echo", [1, 2 * MB]);
      const sessions = Array.from({ length: 8 }, () => openSession(port));
      await repeat(pressed, 400 * scale, async (caller) => {
        const at = caller % sessions.length;
        let session = sessions[at] as http2.ClientHttp2Session;
        if (session.destroyed || session.closed) session = sessions[at] = openSession(port);
        tally.count(await callGrpc(session, { message, signal }));
      });
      for (const session of sessions) session.destroy();
    },
  },
  {
    name: "large calls, one by one",
    about: "calls of 40 MB, one after the other: each of them fits",
    refusals: [],
    answers: "some",
    async press(pressed) {
      const { port, stop: signal, tally, scale } = pressed;
      const elements = Math.round(10 * MB * scale);
      const message = zeros("echo", [1, elements]);
      const check = outputOf(4 * elements);
      const session = openSession(port);
      await repeat(pressed, 1, async () => {
        tally.count(await callGrpc(session, { message, signal, check }), { must: true });
      });
      session.destroy();
    },
  },
  {
    name: "calls given up",
    about: "40 callers who send 8 MB, or half of it, and reset the call",
    refusals: ["RESOURCE_EXHAUSTED", "cut"],
    answers: "any",
    async press(pressed) {
      const { port, stop, tally, random, scale } = pressed;
      const message = zeros("echo", [1, 2 * MB]);
      await repeat(pressed, 40 * scale, async () => {
        const session = openSession(port);
        const leave = new AbortController();
        const signal = AbortSignal.any([stop, leave.signal]);
        for (let calls = 0; calls < 10 && !stop.aborted; calls++) {
          const stream = request(session, { path: inferPath });
          if (stream === undefined) break;
          const end = endOf(stream, signal);
          stream.write(grpcHead(message.length));
          stream.write(random.below(2) === 0 ? message : message.subarray(0, 4 * MB));
          await pause(stop, random.below(60));
          stream.close(8);
          tally.count(stream.aborted ? { code: "gone" } : await gone(end));
        }
        session.destroy();
      });
    },
  },
];

/** A call that its caller has reset: whatever came first is fine. */
async function gone(end: Promise<{ code: string }>): Promise<{ code: string }> {
  const { code } = await end;
  return { code: code === "cut" ? "gone" : code };
}

async function halfBody({ port, stop, tally }: Pressed, isChunked: boolean): Promise<void> {
  const socket = net.connect(port, "127.0.0.1").on("error", () => {});
  let received = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    received += text;
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const head = ["POST /v2/models/echo/infer HTTP/1.1", "Host: x"];
  head.push(isChunked ? "Transfer-Encoding: chunked" : `Content-Length: ${60 * MB}`);
  socket.write(`${head.join("\r\n")}\r\n\r\n${isChunked ? `${(60 * MB).toString(16)}\r\n` : ""}`);
  socket.write(half);
  socket.on("data", () => socket.end());
  await Promise.race([closed, pause(stop, 90_000)]);
  const status = /^HTTP\/1\.1 (\d+)/.exec(received)?.[1];
  const isOver = stop.aborted && status === undefined;
  socket.destroy();
  tally.count({ code: isOver ? "gone" : status === undefined ? "cut" : `HTTP ${status}` });
}

/** Asks `times` for answers that it never reads. */
async function leaveUnread(
  { port, stop, tally }: Pressed,
  path: string,
  elements: number,
  times = 1,
): Promise<void> {
  const session = openSession(port, 65_535);
  const stream = request(session, { path });
  if (stream !== undefined) {
    const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    stream.pause();
    const message = count(elements);
    for (let sent = 0; sent < times; sent++) {
      stream.write(grpcHead(message.length));
      stream.write(message);
    }
    if (times === 1) stream.end();
    await Promise.race([closed, pause(stop, 20_000)]);
    tally.count({ code: stream.closed && !stop.aborted ? "cut" : "gone" });
  }
  session.destroy();
  await pause(stop, 50);
}

/** Sends a call over HTTP/1.1 and takes 20 kB of its answer each tenth of a second. */
async function readSlowly(
  { port, stop, tally }: Pressed,
  { path, type, body }: { path: string; type: string; body: Buffer },
): Promise<void> {
  const sent = http.request({
    host: "127.0.0.1",
    port,
    path,
    method: "POST",
    agent: false,
    headers: { "content-type": type, "content-length": body.length },
  });
  sent.on("error", () => {});
  sent.end(body);
  const [answer] = (await Promise.race([
    once(sent, "response").catch(() => []),
    pause(stop, 60_000).then(() => []),
  ])) as [http.IncomingMessage?];
  if (answer === undefined) {
    tally.count({ code: stop.aborted ? "gone" : "cut" });
  } else if (answer.statusCode !== 200) {
    tally.count({ code: `HTTP ${answer.statusCode}` });
  } else {
    answer.on("error", () => {});
    const endMs = Date.now() + 15_000;
    while (!stop.aborted && !answer.destroyed && Date.now() < endMs) {
      answer.read(20_000);
      await pause(stop, 100);
    }
    tally.count({ code: answer.destroyed ? "cut" : "gone" });
  }
  sent.destroy();
  await pause(stop, 50);
}
