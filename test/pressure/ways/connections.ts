import http2 from "node:http2";
import net from "node:net";
import { RuntimeWatchService } from "../../../gen/modelport/v1/runtime_watch_pb.ts";
import { type Pressed, pause, repeat, type Way } from "../way.ts";
import { grpcHead, inferPath, openSession, request } from "../wire-calls.ts";

const watchPath = `/${RuntimeWatchService.typeName}/Watch`;

export const connectionWays: readonly Way[] = [
  {
    name: "idle connections",
    about: "2,000 connections of either HTTP that say nothing more",
    refusals: ["cut"],
    answers: "any",
    press: (pressed) => holdConnections(pressed, 2000 * pressed.scale),
  },
  {
    name: "huge headers, open calls",
    about: "20 connections with 500 calls each that have 48 KiB of headers and never end",
    refusals: ["cut", "RESOURCE_EXHAUSTED"],
    answers: "any",
    press: (pressed) =>
      repeat(pressed, 20 * pressed.scale, async () => {
        const { port, stop, tally } = pressed;
        const session = openSession(port);
        // Not by HPACK's table, which would make them small.
        const filler = {
          "x-filler": "y".repeat(48 * 1024),
          [http2.sensitiveHeaders]: ["x-filler"],
        };
        for (let calls = 0; calls < 500 && !stop.aborted; calls++) {
          const stream = request(session, { path: inferPath, headers: filler });
          if (stream === undefined) break;
          stream.write(grpcHead(1000));
          if (calls % 20 === 0) await pause(stop, 5);
        }
        await Promise.race([untilClosed(session), pause(stop, 10_000)]);
        tally.count({ code: session.destroyed && !stop.aborted ? "cut" : "gone" });
        session.destroy();
        await pause(stop, 50);
      }),
  },
  {
    name: "huge headers, HTTP/1.1",
    about: "500 connections whose heads of 15 KiB never end",
    refusals: ["cut"],
    answers: "any",
    press: (pressed) =>
      repeat(pressed, 500 * pressed.scale, async () => {
        const { port, stop, tally } = pressed;
        const socket = net.connect(port, "127.0.0.1").on("error", () => {});
        socket.write(`GET /v2 HTTP/1.1\r\nHost: x\r\nx: ${"y".repeat(15_000)}`);
        const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
        socket.resume();
        await Promise.race([closed, pause(stop, 15_000)]);
        tally.count({ code: socket.destroyed && !stop.aborted ? "cut" : "gone" });
        socket.destroy();
      }),
  },
  {
    name: "watch streams, not read",
    about: "200 streams of the watch service whose callers never read",
    refusals: ["cut", "RESOURCE_EXHAUSTED"],
    answers: "any",
    press: (pressed) =>
      repeat(pressed, 200 * pressed.scale, async () => {
        const { port, stop, tally } = pressed;
        const session = openSession(port, 65_535);
        const stream = request(session, { path: watchPath });
        stream?.pause();
        stream?.end(grpcHead(0));
        await Promise.race([untilClosed(session), pause(stop, 20_000)]);
        tally.count({ code: session.destroyed && !stop.aborted ? "cut" : "gone" });
        session.destroy();
        await pause(stop, 50);
      }),
  },
  {
    name: "pipelined views, not read",
    about:
      "100 connections that ask for metrics, the index and OpenAPI 200 times each and read nothing",
    refusals: ["cut"],
    answers: "any",
    press: (pressed) =>
      repeat(pressed, 100 * pressed.scale, async () => {
        const { port, stop, tally } = pressed;
        const socket = net.connect(port, "127.0.0.1").on("error", () => {});
        socket.pause();
        const ask = ["/metrics", "/openapi.json", "/v2/models", "/v2/models/stats"]
          .map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
          .join("");
        socket.write(ask.repeat(50));
        const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
        await Promise.race([closed, pause(stop, 10_000)]);
        tally.count({ code: socket.destroyed && !stop.aborted ? "cut" : "gone" });
        socket.destroy();
        await pause(stop, 50);
      }),
  },
];

async function untilClosed(session: http2.ClientHttp2Session): Promise<void> {
  if (session.destroyed) return;
  await new Promise<void>((resolve) => session.once("close", () => resolve()));
}

async function holdConnections({ port, stop, tally }: Pressed, count: number): Promise<void> {
  const held: (() => boolean)[] = [];
  for (let at = 0; at < count && !stop.aborted; at++) {
    if (at % 2 === 0) {
      const session = http2.connect(`http://127.0.0.1:${port}`).on("error", () => {});
      held.push(() => {
        const wasOpen = !session.destroyed;
        session.destroy();
        return wasOpen;
      });
    } else {
      const socket = net.connect(port, "127.0.0.1").on("error", () => {});
      socket.write("GET /v2/health/live HTTP/1.1\r\nHost: x\r\n\r\n");
      socket.resume();
      held.push(() => {
        const wasOpen = !socket.destroyed;
        socket.destroy();
        return wasOpen;
      });
    }
    if (at % 50 === 0) await pause(stop, 10);
  }
  await pause(stop, 10 * 60_000);
  for (const close of held) tally.count({ code: close() ? "gone" : "cut" });
}
