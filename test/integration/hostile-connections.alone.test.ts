import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertUnharmed, describeFigures, measureAttack } from "../support/attacks/under-attack.ts";
import { frame, frameType } from "../support/clients/http2-frames.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";
import {
  headersFrame,
  openRawHttp2,
  type RawHttp2,
  requestHeaders,
} from "../support/clients/raw-http2.ts";
import { canMeasureTrees } from "../support/processes/process-tree.ts";
import { type Served, startServed } from "../support/servers/served.ts";

const attackMs = 250;
const many = 1_000;
const inferPath = "/inference.GRPCInferenceService/ModelInfer";
const clientHello = Buffer.from("16030100c8010000c40303", "hex");
const http1Head = `POST ${inferPath} HTTP/1.1\r\nHost: x\r\nContent-Type: application/proto\r\n`;

describe("a client of the server", { skip: !canMeasureTrees }, () => {
  let served: Served;
  const open: { close(): void }[] = [];
  before(async () => {
    served = await startServed(["--engine-hosts", "1"]);
  });
  after(() => served?.stop());

  /** A connection that sends `bytes` and then waits. */
  async function hold(bytes: string | Uint8Array): Promise<Socket> {
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => {});
    open.push({ close: () => socket.destroy() });
    await once(socket, "connect");
    socket.write(bytes);
    socket.resume();
    return socket;
  }

  async function holdHttp2(): Promise<RawHttp2> {
    const raw = await openRawHttp2(served.port);
    open.push(raw);
    return raw;
  }

  async function repeat(count: number, make: () => Promise<unknown>): Promise<void> {
    for (let done = 0; done < count; done += 50) {
      await Promise.all(Array.from({ length: Math.min(50, count - done) }, make));
    }
  }

  const siege: [what: string, attack: () => Promise<void>][] = [
    [`keeps ${many} connections that say nothing`, () => repeat(many, () => hold(""))],
    [
      `keeps ${many} connections in the middle of the HTTP/2 preface`,
      () => repeat(many, () => hold("PRI * HTTP/2.0\r\n")),
    ],
    [`keeps ${many} idle HTTP/2 connections`, () => repeat(many, holdHttp2)],
    [
      `keeps ${many} HTTP/1.1 requests in the middle of their headers`,
      () => repeat(many, () => hold(http1Head)),
    ],
    [
      `keeps ${many} HTTP/1.1 requests in the middle of their bodies`,
      () =>
        repeat(many, () => hold(`${http1Head}Content-Length: 1000000\r\n\r\n${"x".repeat(1000)}`)),
    ],
    [
      `keeps ${many} calls on one HTTP/2 connection in the middle of their bodies`,
      async () => {
        const raw = await holdHttp2();
        const half = grpcFrame(Buffer.alloc(1_000)).subarray(0, 500);
        for (let stream = 1; stream < 2 * many; stream += 2) {
          const body = frame({ type: frameType.data, stream, payload: half });
          await raw.write(Buffer.concat([headersFrame(stream, requestHeaders(inferPath)), body]));
        }
      },
    ],
    [
      `ends its side of ${many} connections in the middle of a request`,
      () => repeat(many, async () => (await hold(http1Head)).end()),
    ],
    [
      `resets ${many} connections in the middle of a request`,
      () =>
        repeat(many, async () => {
          const socket = await hold(`${http1Head}Content-Length: 1000000\r\n\r\n`);
          socket.resetAndDestroy();
        }),
    ],
    [`speaks TLS on ${many} connections`, () => repeat(many, () => hold(clientHello))],
    [
      `sends ${many} requests with headers of 64 KiB`,
      () => repeat(many, () => hold(`${http1Head}x-filler: ${"x".repeat(65_536)}\r\n\r\n`)),
    ],
    [
      "drips the headers of 100 requests byte by byte",
      async () => {
        const endMs = performance.now() + attackMs;
        const sockets = await Promise.all(Array.from({ length: 100 }, () => hold("")));
        for (let at = 0; performance.now() < endMs; at++) {
          for (const socket of sockets) socket.write(http1Head.charAt(at % http1Head.length));
          await sleep(10);
        }
      },
    ],
  ];

  for (const [what, attack] of siege) {
    it(`is served while another one ${what}`, async (t) => {
      const figures = await measureAttack(served, async () => {
        try {
          await attack();
          await sleep(attackMs);
        } finally {
          for (const connection of open.splice(0)) connection.close();
        }
      });
      t.diagnostic(describeFigures(figures));
      assertUnharmed(figures);
    });
  }

  it("finds a server that has logged no failure of its own", () => {
    assert.doesNotMatch(served.complaints(), /"level":[56]0|uncaught|unhandled/i);
  });
});
