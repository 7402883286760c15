import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { lookup } from "node:dns";
import { once } from "node:events";
import { readFileSync, stat } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { after, describe, it } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  flag,
  frame,
  frameType,
  hpackLiteral,
  preface,
  readFrames,
} from "../support/clients/http2-frames.ts";
import { projectRoot } from "../support/servers/served.ts";

// None of these runs code of Modelport. If one fails, it is Node that has changed, and its row in
// docs/node-internals.md names what depends on it.

const open: { close(): void }[] = [];

/** Accepts connections, as our port does, for a server that does not listen. */
async function accept(onSocket: (socket: net.Socket) => void): Promise<net.Socket> {
  const listener = net.createServer({ allowHalfOpen: true }, onSocket).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const client = net.connect((listener.address() as AddressInfo).port, "127.0.0.1");
  client.on("error", () => {});
  open.push(listener, { close: () => client.destroy() });
  await once(client, "connect");
  return client;
}

function http2Server(onSession: (session: http2.ServerHttp2Session) => void = () => {}) {
  const server = http2.createServer();
  server.on("session", onSession);
  server.on("sessionError", () => {});
  return server;
}

/** A client of `server` that takes its settings when it is told to. */
async function connectHttp2(server: http2.Http2Server): Promise<http2.ClientHttp2Session> {
  const socket = await accept((accepted) => {
    accepted.allowHalfOpen = false;
    server.emit("connection", accepted);
  });
  const session = http2.connect("http://localhost", { createConnection: () => socket });
  session.on("error", () => {});
  return session;
}

function request(path: string, ...fields: Buffer[]): Buffer {
  return Buffer.concat([
    hpackLiteral("withoutIndexing", ":method", "POST"),
    hpackLiteral("withoutIndexing", ":scheme", "http"),
    hpackLiteral("withoutIndexing", ":authority", "localhost"),
    hpackLiteral("withoutIndexing", ":path", path),
    ...fields,
  ]);
}

const settingsFrame = frame({ type: frameType.settings });

/** By the names of the rows. */
const reliances: Readonly<Record<string, () => Promise<void> | void>> = {
  "a server that never listens": async () => {
    const server = http.createServer({ headersTimeout: 20, connectionsCheckingInterval: 10 });
    server.emit("listening");
    open.push(server);
    const client = await accept((socket) => server.emit("connection", socket));
    client.write("GET / HTTP/1.1\r\n");
    const [answer] = (await once(client, "data")) as [Buffer];
    assert.match(String(answer), /^HTTP\/1\.1 408 /);
  },

  "a consumed handle": async () => {
    for (const consumed of [true, false]) {
      const server = http.createServer((_request, response) => response.end());
      let seen = 0;
      const client = await accept((socket) => {
        const { _handle } = socket as unknown as { readonly _handle: { _consumed?: boolean } };
        if (consumed) _handle._consumed = true;
        const push = socket.push.bind(socket);
        socket.push = (chunk: Buffer | null) => {
          seen += chunk?.length ?? 0;
          return push(chunk);
        };
        server.emit("connection", socket);
      });
      client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      const [answer] = (await once(client, "data")) as [Buffer];
      assert.match(String(answer), /^HTTP\/1\.1 200 /);
      assert.equal(seen > 0, consumed, "the stream passes on what the parser reads");
    }
  },

  "the protocol of a socket": async () => {
    for (const [alpnProtocol, expected] of [
      ["h2", "session"],
      [false, "unknownProtocol"],
    ] as const) {
      const server = http2Server();
      server.on("unknownProtocol", (socket: net.Socket) => socket.destroy());
      const seen = once(server, expected);
      await accept((socket) => {
        server.emit("connection", Object.assign(socket, { alpnProtocol }));
      });
      await seen;
    }
  },

  "a session within the call": async () => {
    const sessions: http2.ServerHttp2Session[] = [];
    const server = http2Server((session) => sessions.push(session));
    const counts = await new Promise<number[]>((resolve) => {
      void accept((socket) => {
        const before = sessions.length;
        server.emit("connection", socket);
        resolve([before, sessions.length]);
      });
    });
    assert.deepEqual(counts, [0, 1]);
  },

  "a connection of any Duplex": async () => {
    const server = http2Server();
    server.on("stream", (stream) => {
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    const socket = await accept((accepted) => {
      const duplex = new Duplex({
        read: () => {},
        write: (chunk, _encoding, done) => void accepted.write(chunk, done),
      });
      accepted.on("data", (chunk) => duplex.push(chunk));
      server.emit("connection", duplex);
    });
    const session = http2.connect("http://localhost", { createConnection: () => socket });
    session.on("error", () => {});
    const [headers] = await once(session.request({ ":path": "/" }), "response");
    assert.equal(headers[":status"], 204);
    session.destroy();
  },

  "the listeners for streams": async () => {
    const server = http2Server();
    server.on("request", (_request, response) => response.end("late"));
    const listeners = server.listeners("stream");
    assert.equal(listeners.length, 1);
    server.removeAllListeners("stream");
    server.on("stream", (...streamed: unknown[]) => {
      setImmediate(() => listeners[0]?.apply(server, streamed));
    });
    const session = await connectHttp2(server);
    const stream = session.request({ ":path": "/" });
    const [chunk] = (await once(stream, "data")) as [Buffer];
    assert.equal(String(chunk), "late");
    session.destroy();
  },

  "an end that no one heard": async () => {
    const server = http2Server();
    const streams = once(server, "stream");
    const session = await connectHttp2(server);
    session
      .request({ ":path": "/", ":method": "POST" })
      .on("error", () => {})
      .end();
    const [stream] = (await streams) as [http2.ServerHttp2Stream];
    while (!stream.readableEnded) await turn();
    session.destroy();
  },

  "the listener for a stream's data": async () => {
    const server = http2Server();
    const requests = once(server, "request");
    const session = await connectHttp2(server);
    session.request({ ":path": "/", ":method": "POST" }).on("error", () => {});
    const [received] = (await requests) as [http2.Http2ServerRequest];
    received.resume();
    await turn();
    assert.equal(received.stream.listenerCount("data"), 1);
    session.destroy();
  },

  "the fault of one stream": async () => {
    let session: http2.ServerHttp2Session | undefined;
    const faults: (number | undefined)[] = [];
    const broken = Promise.withResolvers<void>();
    const server = http2Server((opened) => {
      session = opened;
      opened.destroy = (error?: Error & { readonly errno?: number }) => {
        faults.push(error?.errno);
        broken.resolve();
      };
    });
    server.on("stream", (stream) => stream.on("error", () => {}));
    const client = await accept((socket) => server.emit("connection", socket));
    client.write(Buffer.concat([preface, settingsFrame]));
    const length = hpackLiteral("withoutIndexing", "content-length", "1");
    const headers = { stream: 1, flags: flag.endHeaders, payload: request("/", length) };
    client.write(frame({ type: frameType.headers, ...headers }));
    client.write(frame({ type: frameType.data, stream: 1, payload: Buffer.from("too long") }));
    await broken.promise;
    assert.deepEqual(faults, [-505]);
    // The connection still works: what arrives next is read.
    const pinged = Promise.withResolvers<Error | null>();
    client.on("data", (bytes: Buffer) => {
      for (const { type, flags, payload } of readFrames(bytes)) {
        if (type === 6 && (flags & flag.ack) === 0) {
          client.write(frame({ type, flags: flag.ack, payload }));
        }
      }
    });
    assert.equal(
      session?.ping((failure) => pinged.resolve(failure)),
      true,
    );
    assert.equal(await pinged.promise, null);
  },

  "headers before the settings": async () => {
    const server = http2.createServer({ settings: { maxHeaderListSize: 1_000 } });
    server.on("sessionError", () => {});
    const acknowledged = Promise.withResolvers<void>();
    server.on("session", (opened) => opened.once("localSettings", () => acknowledged.resolve()));
    let streams = 0;
    server.on("stream", (stream) => {
      streams++;
      stream.on("error", () => {});
      stream.respond({ ":status": 204 }, { endStream: true });
    });
    const session = await connectHttp2(server);
    const ask = async () => {
      const stream = session.request({ ":path": "/", big: "x".repeat(2_000) }, { endStream: true });
      stream.on("error", () => {});
      await new Promise<void>((resolve) => stream.once("close", resolve));
    };
    await ask();
    assert.equal(streams, 1, "the limit does not hold before the client has acknowledged it");
    await acknowledged.promise;
    await ask();
    assert.equal(streams, 1, "Node itself holds it afterwards");
    session.destroy();
  },

  "the end of a socket after its last response": async () => {
    const ended = Promise.withResolvers<void>();
    const server = http.createServer((_request, response) => response.end());
    const client = await accept((socket) => {
      socket.destroySoon = () => {
        ended.resolve();
        socket.destroy();
      };
      server.emit("connection", socket);
    });
    client.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    await ended.promise;
  },

  "the class of requests": async () => {
    const pushed: string[] = [];
    const destroyed = Promise.withResolvers<void>();
    class Request extends http.IncomingMessage {
      override push(chunk: Buffer | null, encoding?: BufferEncoding): boolean {
        if (chunk !== null) pushed.push(String(chunk));
        return super.push(chunk, encoding);
      }
      override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
        done(error);
        destroyed.resolve();
      }
    }
    const server = http.createServer({ IncomingMessage: Request }, (received) => {
      received.on("error", () => {});
      received.once("data", () => received.destroy(new Error("enough")));
    });
    let accepted: net.Socket | undefined;
    const client = await accept((socket) => {
      accepted = socket;
      server.emit("connection", socket);
    });
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    await destroyed.promise;
    assert.deepEqual(pushed, ["abc"]);
    assert.equal(accepted?.destroyed, false, "the connection outlives its request");
  },

  "a response that waits": async () => {
    const responses: http.ServerResponse[] = [];
    const both = Promise.withResolvers<void>();
    const server = http.createServer((_request, response) => {
      if (responses.push(response) === 2) both.resolve();
    });
    const client = await accept((socket) => server.emit("connection", socket));
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(2));
    await both.promise;
    assert.ok(responses[0]?.socket instanceof net.Socket);
    assert.equal(responses[1]?.socket, null);
  },

  "the names of work in threads": async () => {
    const ended = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
    stat("/", () => ended[0].resolve());
    lookup("localhost", () => ended[1].resolve());
    const names = process.getActiveResourcesInfo();
    assert.ok(names.some((name) => name.startsWith("FSReq")));
    assert.ok(names.some((name) => name.startsWith("GetAddrInfo")));
    await Promise.all(ended.map(({ promise }) => promise));
  },

  "another program in this process": () => {
    const code = `process.execve?.(process.execPath, [process.execPath, "-e", "process.exit(7)"], {});
      process.exit(process.execve === undefined ? 7 : 1);`;
    assert.equal(spawnSync(process.execPath, ["-e", code]).status, 7);
  },

  "a collector on demand": () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("globalThis.gc") as (how: object) => void;
    assert.equal(typeof collect, "function");
    collect({ type: "minor" });
    collect({ type: "major" });
  },

  "flags of V8": () => {
    const major = Number(process.versions.node.split(".", 1));
    const favors = major === 24 || major === 25 ? ["--no-memory-reducer-favors-memory"] : [];
    const flags = [
      ...["--max-semi-space-size=4", "--v8-pool-size=1", "--single-threaded", "--expose-gc"],
      ...["--heap-growing-percent=100", ...favors],
    ];
    const { status, stderr } = spawnSync(process.execPath, [...flags, "-e", "0"]);
    assert.deepEqual([status, String(stderr)], [0, ""]);
  },

  "malloc_trim through SQLite": () => {
    const { glibcVersionRuntime } = (process.report.getReport() as { header: object }).header as {
      readonly glibcVersionRuntime?: string;
    };
    if (glibcVersionRuntime === undefined) return;
    const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
    const database = new DatabaseSync(":memory:", { allowExtension: true });
    database.enableLoadExtension(true);
    const buffers = Array.from({ length: 64 }, () => Buffer.alloc(64 * 1024, 1));
    assert.equal(buffers.length, 64);
    try {
      database.loadExtension("libc.so.6", "malloc_trim");
    } catch (error) {
      // It has given something back, which SQLite takes for a failure.
      assert.match((error as Error).message, /^error during initialization/);
    }
  },
};

describe("what we rely on in Node", { timeout: 120_000 }, () => {
  after(() => {
    for (const each of open) each.close();
  });

  for (const [name, holds] of Object.entries(reliances)) it(name, async () => await holds());

  it("stands in the table of the docs, each with its test", () => {
    const page = readFileSync(join(projectRoot, "docs/node-internals.md"), "utf8");
    const rows = page.matchAll(/^\| ([^|`-][^|]*?) +\|/gm);
    const names = Array.from(rows, ([, name]) => name).filter((name) => name !== "What");
    assert.deepEqual(names, Object.keys(reliances));
  });
});
