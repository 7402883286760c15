import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { copyFile, mkdir, rename, symlink, writeFile } from "node:fs/promises";
import http2 from "node:http2";
import net from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import tls from "node:tls";
import { frame, frameType, preface, readFrames } from "../support/clients/http2-frames.ts";
import { exchange, until, untilClosed } from "../support/clients/raw-http.ts";
import { startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { type KeyPair, TestAuthority } from "../support/servers/certificates.ts";
import { testTls } from "../support/servers/test-tls.ts";
import { waitFor } from "../support/wait-for.ts";

const live = "GET /v2/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
const lastLive = live.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

const cleanup = suiteCleanup();
let authority: TestAuthority;
let pair: KeyPair;

before(async () => {
  authority = await TestAuthority.create(cleanup);
  pair = await authority.issue({ commonName: "server", names: ["DNS:localhost"] });
});

function connect(port: number, options: tls.ConnectionOptions = {}): tls.TLSSocket {
  const socket = tls.connect({
    port,
    host: "localhost",
    servername: "localhost",
    ca: readFileSync(authority.ca),
    ...options,
  });
  socket.on("error", () => {}); // "close" follows.
  return socket;
}

/** All that comes until the connection is closed, as latin1. */
async function textOf(socket: net.Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  await untilClosed(socket);
  return Buffer.concat(chunks).toString("latin1");
}

/** The code of the error on which a connection fails. */
async function failureOf(socket: net.Socket): Promise<string | undefined> {
  const [error] = await once(socket, "error");
  return (error as NodeJS.ErrnoException).code;
}

describe("a client that speaks plaintext to a port of TLS", () => {
  it("is told so, in its version of HTTP", async (t) => {
    const { address, server } = await startFakeServer(t, { tls: testTls(pair) });
    const answer = await exchange(address.port, live);
    assert.match(
      answer,
      /^HTTP\/1\.1 400 .*\r\n\r\n\{"error":"this port speaks TLS: use https"\}$/s,
    );
    const frames = readFrames(Buffer.from(await exchange(address.port, preface), "latin1"));
    const [settings, goaway, ...more] = frames;
    assert.equal(settings?.type, frameType.settings);
    assert.equal(
      goaway && Buffer.from(goaway.payload).readUInt32BE(4),
      http2.constants.NGHTTP2_INADEQUATE_SECURITY,
    );
    assert.equal(more.length, 0);
    await until(() => server.connectionCount === 0, "no connection is left");
  });

  it("is answered if it is on this machine and the operator says so", async (t) => {
    const { address } = await startFakeServer(t, {
      tls: testTls(pair, { plaintext: "loopback" }),
      host: "0.0.0.0",
    });
    assert.match(await exchange(address.port, lastLive), /^HTTP\/1\.1 200 /);
    const session = http2.connect(`http://127.0.0.1:${address.port}`);
    await once(session, "remoteSettings");
    session.destroy();
    const secure = connect(address.port, { host: "127.0.0.1" });
    secure.write(lastLive);
    assert.match(await textOf(secure), /^HTTP\/1\.1 200 /);
    if (outside === undefined) return;
    const away = net.connect(address.port, outside);
    away.write(live);
    assert.match(await textOf(away), /^HTTP\/1\.1 400 /);
  });
});

describe("the handshake", () => {
  it("leads to the HTTP that the client has asked for, or else shows", async (t) => {
    const { address } = await startFakeServer(t, { tls: testTls(pair) });
    for (const ALPNProtocols of [undefined, ["http/1.1"]]) {
      const socket = connect(address.port, ALPNProtocols && { ALPNProtocols });
      socket.write(lastLive);
      assert.match(await textOf(socket), /^HTTP\/1\.1 200 /);
    }
    for (const ALPNProtocols of [undefined, ["h2"], ["h2", "http/1.1"]]) {
      const socket = connect(address.port, ALPNProtocols && { ALPNProtocols });
      socket.write(Buffer.concat([Buffer.from(preface), frame({ type: frameType.settings })]));
      const [first] = (await once(socket, "data")) as [Buffer];
      assert.equal(first[3], frameType.settings, "the server answers in frames");
      socket.destroy();
    }
    const other = connect(address.port, { ALPNProtocols: ["spdy/3"] });
    assert.equal(await failureOf(other), "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL");
  });

  it("keeps to the versions and ciphers that are set", async (t) => {
    const strict = await startFakeServer(t, { tls: testTls(pair, { minVersion: "TLSv1.3" }) });
    const old = connect(strict.address.port, { maxVersion: "TLSv1.2" });
    assert.equal(await failureOf(old), "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
    const usual = await startFakeServer(t, { tls: testTls(pair) });
    const weak = connect(usual.address.port, {
      maxVersion: "TLSv1.2",
      ciphers: "ECDHE-ECDSA-AES128-SHA",
    });
    assert.match(String(await failureOf(weak)), /HANDSHAKE_FAILURE/);
    const good = connect(usual.address.port, { maxVersion: "TLSv1.2" });
    await once(good, "secureConnect");
    assert.equal(good.getCipher().name, "ECDHE-ECDSA-AES128-GCM-SHA256");
    good.destroy();
    const reasons = usual.logged.filter(({ msg }) => msg === "TLS handshake failed");
    assert.match(String(reasons[0]?.["reason"]), /no shared cipher/);
  });

  it("has to be done in time, however busily the client drips", async (t) => {
    const { address, server, logged } = await startFakeServer(t, {
      tls: testTls(pair),
      // A busy machine takes its time for the other client's handshake.
      peekTimeoutMs: 2_000,
    });
    // The head of a record that would have 512 bytes, of which one comes now and then.
    const dripping = net.connect(address.port, "127.0.0.1");
    const dripped = untilClosed(dripping);
    dripping.write(Buffer.from([0x16, 3, 1, 2, 0]));
    const drip = setInterval(() => dripping.write(Buffer.from([1])), 50);
    t.after(() => clearInterval(drip));
    // Shakes hands, and then says neither what it speaks nor anything else.
    const silent = connect(address.port);
    await once(silent, "secureConnect");
    await Promise.all([dripped, untilClosed(silent)]);
    await until(() => server.connectionCount === 0, "no connection is left");
    const reasons = logged.map(({ reason }) => reason);
    assert.ok(reasons.includes("the handshake did not finish in time"));
  });

  it("counts among the connections, and is refused by an alert when there are too many", async (t) => {
    const { address, server } = await startFakeServer(t, { tls: testTls(pair), maxConnections: 1 });
    const first = net.connect(address.port, "127.0.0.1");
    await until(() => server.connectionCount === 1, "the first is there");
    const second = connect(address.port);
    assert.equal(await failureOf(second), "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR");
    first.destroy();
    await until(() => server.connectionCount === 0, "the first has gone");
    const third = connect(address.port);
    third.write(lastLive);
    assert.match(await textOf(third), /^HTTP\/1\.1 200 /);
  });
});

describe("a connection with TLS", () => {
  it("gets its answer though the client has ended its side", async (t) => {
    const { address, server } = await startFakeServer(t, { tls: testTls(pair) });
    const socket = connect(address.port, {
      socket: net.connect({ port: address.port, host: "localhost", allowHalfOpen: true }),
    });
    socket.end(live);
    assert.match(await textOf(socket), /^HTTP\/1\.1 200 /);
    await until(() => server.connectionCount === 0, "it is closed");
  });

  it("is closed with the server, whatever it is about", async (t) => {
    const { address, server } = await startFakeServer(t, { tls: testTls(pair) });
    const silent = net.connect(address.port, "127.0.0.1");
    const handshaking = net.connect(address.port, "127.0.0.1");
    handshaking.write(Buffer.from([0x16, 3, 1]));
    const idle = connect(address.port);
    idle.write(live);
    await once(idle, "data");
    const session = http2.connect(`https://localhost:${address.port}`, {
      ca: readFileSync(authority.ca),
    });
    await once(session, "remoteSettings");
    await until(() => server.connectionCount === 4, "four connections");
    const goaway = once(session, "goaway");
    for (const socket of [silent, handshaking, idle]) socket.on("error", () => {});
    await server.close();
    assert.deepEqual((await goaway)[0], http2.constants.NGHTTP2_NO_ERROR);
    assert.equal(server.connectionCount, 0);
    for (const socket of [silent, handshaking, idle, session]) socket.destroy();
  });
});

describe("the certificate", () => {
  it("is replaced while the server runs, and connections go on", async (t) => {
    const folder = join(authority.folder, "secret");
    // As Kubernetes does it: links to links, of which one is swapped.
    const publish = async (name: string, { cert, key }: KeyPair) => {
      await mkdir(join(folder, name), { recursive: true });
      await copyFile(cert, join(folder, name, "tls.crt"));
      await copyFile(key, join(folder, name, "tls.key"));
      await symlink(name, join(folder, "..data.new"));
      await rename(join(folder, "..data.new"), join(folder, "..data"));
    };
    await publish("..1", pair);
    const files = { cert: join(folder, "tls.crt"), key: join(folder, "tls.key") };
    await symlink("..data/tls.crt", files.cert);
    await symlink("..data/tls.key", files.key);
    const { address, server, logged } = await startFakeServer(t, { tls: testTls(files) });
    const firstExpiryMs = server.tls?.certificateExpiryMs ?? 0;
    assert.ok(firstExpiryMs > Date.now());
    const shown = async () => {
      const socket = connect(address.port);
      await once(socket, "secureConnect");
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const session = http2.connect(`https://localhost:${address.port}`, {
      ca: readFileSync(authority.ca),
    });
    const first = await shown();
    const next = await authority.issue({
      commonName: "server",
      names: ["DNS:localhost"],
      days: 20,
    });
    // A certificate and a key that are no pair change nothing.
    await publish("..2", { cert: next.cert, key: pair.key });
    const isFailed = ({ msg }: Record<string, unknown>) =>
      msg === "credentials not reloaded, the old ones stay in use";
    await waitFor(() => logged.some(isFailed));
    assert.match(
      String(logged.find(isFailed)?.["reason"]),
      /the key does not belong to the certificate/,
    );
    assert.equal(await shown(), first);
    await publish("..3", next);
    await waitFor(async () => (await shown()) !== first);
    assert.ok((server.tls?.certificateExpiryMs ?? 0) > firstExpiryMs);
    const stream = session.request({ ":path": "/v2/health/live" });
    const [headers] = await once(stream, "response");
    assert.equal(headers[":status"], 200);
    session.destroy();
    // What is logged is not said again at every look.
    await sleep(1_500);
    assert.equal(logged.filter(isFailed).length, 1);
  });

  it("stops the start if it cannot be used", async (t) => {
    const text = join(authority.folder, "text.pem");
    await writeFile(text, "no certificate\n");
    const other = await authority.issue({ commonName: "other" });
    for (const [settings, message] of [
      [testTls({ ...pair, cert: "/nowhere/tls.crt" }), /\/nowhere\/tls\.crt.*ENOENT/],
      [testTls({ ...pair, cert: text }), /text\.pem/],
      [testTls({ ...pair, key: text }), /text\.pem/],
      [testTls({ ...pair, key: other.key }), /the key does not belong to the certificate/],
      [testTls(pair, { ciphers: "NO-SUCH-CIPHER" }), /cipher/i],
      [testTls(pair, { clientCaPath: text, clientAuth: "require" }), /text\.pem/],
    ] as const) {
      await assert.rejects(startFakeServer(t, { tls: settings }), {
        name: "RuntimeError",
        kind: "failed-precondition",
        message,
      });
    }
  });
});

describe("a connection of HTTP/1.1 with TLS", () => {
  it("is read no further than answers are taken, and nothing of it is lost", async (t) => {
    const { address } = await startFakeServer(t, { tls: testTls(pair) });
    const socket = connect(address.port, { ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    socket.pause();
    const ask = (more = "") => `GET /v2/openapi.json HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
    const many = 1_000;
    socket.write(ask().repeat(many));
    // Until answers are stuck. Then, each in a record of its own: what has been decrypted arrives even where
    // nobody wants to read on.
    await sleep(1_000);
    const late = 10;
    for (let nth = 1; nth < late; nth++) socket.write(ask());
    socket.write(ask("Connection: close\r\n"));
    await sleep(200);
    const reading = textOf(socket);
    socket.resume();
    const text = await reading;
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => status);
    assert.deepEqual(
      statuses,
      Array.from({ length: many + late }, () => "200"),
    );
  });
});
