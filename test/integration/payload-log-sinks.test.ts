import assert from "node:assert/strict";
import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { readConfig } from "../../src/config/config.ts";
import type { PayloadSink } from "../../src/config/payload-log/payload-log-settings.ts";
import { checkPayloadLog } from "../../src/doctor/check-payload-log.ts";
import type { CloudEvent } from "../../src/rpc/payload-log/events/cloud-event.ts";
import { FileSink } from "../../src/rpc/payload-log/sinks/file-sink.ts";
import { HttpSink } from "../../src/rpc/payload-log/sinks/http-sink.ts";
import { EventSink, startSink } from "../support/fakes/event-sink.ts";
import { TestAuthority } from "../support/servers/certificates.ts";

const KiB = 1024;

type Http = Extract<PayloadSink, { kind: "http" }>;

function openHttp(t: TestContext, url: string, more: Partial<Http> = {}): HttpSink {
  const sink = new HttpSink({
    kind: "http",
    url,
    caPath: undefined,
    certPath: undefined,
    keyPath: undefined,
    tokenPath: undefined,
    batchEvents: 1,
    batchDelayMs: 0,
    timeoutMs: 5_000,
    retries: 0,
    ...more,
  });
  t.after(() => sink.close());
  return sink;
}

function eventOf(id: string, body = '{"a": "é"}', type = "application/json"): CloudEvent {
  return {
    attributes: { specversion: "1.0", id, type: "t", metadata: '{"x":["100 % é"]}' },
    body: Buffer.from(body),
    type,
  };
}

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "modelport-sinks-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

describe("the sink of a payload log at a URL", () => {
  it("gets an event in headers and body, or several in one body", async (t) => {
    const server = await startSink(t);
    const url = `http://127.0.0.1:${server.port}/path?query`;
    assert.deepEqual(await openHttp(t, url).deliver([eventOf("1")]), { tag: "delivered" });
    const [event] = server.events;
    assert.deepEqual(event?.attributes, eventOf("1").attributes);
    assert.deepEqual(event?.json, { a: "é" });

    const batched = openHttp(t, url, { batchEvents: 3, batchDelayMs: 10 });
    assert.deepEqual(batched.batch, { events: 3, delayMs: 10 });
    const odd = eventOf("4", "[NaN]");
    const events = [eventOf("2"), eventOf("3", "\xff", "text/csv"), odd];
    assert.deepEqual(await batched.deliver(events), { tag: "delivered" });
    const got = server.events.slice(1);
    assert.deepEqual(
      got.map(({ attributes }) => attributes["id"]),
      ["2", "3", "4"],
    );
    assert.deepEqual(
      got.map(({ bytes }) => bytes.toString()),
      ['{"a":"é"}', "\xff", "[NaN]"],
    );
    assert.equal(server.requests, 2);
  });

  it("may fail for now, or refuse for good", async (t) => {
    const server = await startSink(t);
    const sink = openHttp(t, `http://127.0.0.1:${server.port}/`, { timeoutMs: 50 });
    for (const [status, tag] of [
      [202, "delivered"],
      [307, "refused"],
      [400, "refused"],
      [404, "refused"],
      [401, "failed"],
      [429, "failed"],
      [500, "failed"],
    ] as const) {
      server.answer = () => ({ status, headers: { location: "/other" } });
      const outcome = await sink.deliver([eventOf("1")]);
      assert.equal(outcome.tag, tag, `${status}`);
      if ("reason" in outcome) assert.match(outcome.reason, new RegExp(`${status}`));
    }
    assert.equal(server.requests, 7);
    server.answer = () => ({ status: 503, headers: { "retry-after": "7" } });
    const later = await sink.deliver([eventOf("1")]);
    assert.equal(later.tag === "failed" && later.afterMs, 7_000);
    server.answer = () => undefined;
    const slow = await sink.deliver([eventOf("1")]);
    assert.match(slow.tag === "failed" ? slow.reason : "", /no answer within 50 ms/);

    const gone = new EventSink();
    const port = await gone.listen();
    await gone.close();
    const down = await openHttp(t, `http://127.0.0.1:${port}/`).deliver([eventOf("1")]);
    assert.match(down.tag === "failed" ? down.reason : "", /ECONNREFUSED/);
  });

  it("is believed by its certificate, and gets a certificate and a token, also renewed ones", async (t) => {
    const authority = await TestAuthority.create(t);
    const own = await authority.issue({ commonName: "sink", names: ["IP:127.0.0.1"] });
    const client = await authority.issue({ commonName: "modelport" });
    const tls = {
      cert: await readFile(own.cert),
      key: await readFile(own.key),
      ca: await readFile(authority.ca),
      requestCert: true,
      rejectUnauthorized: true,
    };
    const server = await startSink(t, tls);
    const url = `https://127.0.0.1:${server.port}/`;
    const tokenPath = join(await makeFolder(t), "token");
    await writeFile(tokenPath, "first-token\n");
    const files = { caPath: authority.ca, certPath: client.cert, keyPath: client.key, tokenPath };
    const sink = openHttp(t, url, files);
    assert.deepEqual(await sink.deliver([eventOf("1")]), { tag: "delivered" });
    assert.equal(server.events[0]?.headers.authorization, "Bearer first-token");

    const stranger = await openHttp(t, url).deliver([eventOf("2")]);
    assert.equal(stranger.tag, "failed");
    const { certPath: _, keyPath: __, ...without } = files;
    assert.equal((await openHttp(t, url, without).deliver([eventOf("3")])).tag, "failed");
    const missing = await openHttp(t, url, { ...files, tokenPath: "/nowhere" }).deliver([
      eventOf("4"),
    ]);
    assert.match(missing.tag === "failed" ? missing.reason : "", /ENOENT.*nowhere/);

    // A sink that refuses the token has it read again at once.
    await writeFile(tokenPath, "second-token\n");
    server.answer = ({ authorization }) => ({
      status: authorization === "Bearer second-token" ? 200 : 401,
    });
    assert.equal((await sink.deliver([eventOf("5")])).tag, "failed");
    assert.deepEqual(await sink.deliver([eventOf("5")]), { tag: "delivered" });
    assert.equal(server.events.length, 2);
  });
});

describe("the doctor", () => {
  const check = async (env: Record<string, string>) => {
    const memory = { CONTAINER_MEM_REQ_BYTES: String(2 ** 31) };
    const findings = await checkPayloadLog(readConfig([], { ...memory, ...env }));
    return findings.map(({ level, message }) => `${level}: ${message}`);
  };

  it("tells whether the sink can be reached, and the folder written", async (t) => {
    assert.deepEqual(await check({}), []);
    const server = await startSink(t);
    const env = { PAYLOAD_LOG_URL: `http://127.0.0.1:${server.port}/x` };
    for (const [status, expected] of [
      [405, /^ok: .* can be reached/],
      [302, /^fail: .* answers 302, a redirect/],
      [403, /^warn: .* answers 403/],
      [502, /^warn: .* answers 502/],
    ] as const) {
      server.answer = () => ({ status });
      assert.match((await check(env))[0] ?? "", expected);
    }
    assert.equal(server.events.length, 0);
    const dead = { PAYLOAD_LOG_URL: "http://127.0.0.1:1/" };
    assert.match((await check(dead))[0] ?? "", /^warn: .* cannot be reached: .*ECONNREFUSED/);

    const folder = await makeFolder(t);
    const small = { PAYLOAD_LOG_FILE_BYTES: "65536", PAYLOAD_LOG_FOLDER_BYTES: "1048576" };
    const fine = { ...small, PAYLOAD_LOG_FOLDER: join(folder, "a", "b") };
    assert.match((await check(fine))[0] ?? "", /^ok: .*\/a\/b can be written/);
    assert.deepEqual(await readdir(folder), []);
    await writeFile(join(folder, "file"), "");
    const wrong = { ...small, PAYLOAD_LOG_FOLDER: join(folder, "file") };
    assert.match((await check(wrong))[0] ?? "", /^fail: .*cannot be written/);
    const huge = { PAYLOAD_LOG_FOLDER: folder, PAYLOAD_LOG_FOLDER_BYTES: String(2 ** 49) };
    assert.match((await check(huge))[0] ?? "", /^warn: .* MiB free, and its files may take/);
  });
});

describe("the files of a payload log", () => {
  const open = (t: TestContext, folder: string, limits: Partial<Record<string, number>> = {}) => {
    const sink = new FileSink({
      kind: "files",
      folder,
      fileBytes: 64 * KiB,
      folderBytes: 256 * KiB,
      retries: 0,
      ...limits,
    });
    t.after(() => sink.close());
    return sink;
  };
  const sizesIn = async (folder: string) => {
    const names = (await readdir(folder)).filter((name) => name.startsWith("payloads-")).sort();
    return Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  };

  it("have a line for each event, belong to the user, and are followed by the next at their size", async (t) => {
    const folder = join(await makeFolder(t), "a", "b");
    const sink = open(t, folder);
    const body = JSON.stringify({ text: "x".repeat(10 * KiB), "two\nlines": 1 }, null, 1);
    for (let at = 0; at < 12; at++) {
      const events = [eventOf(`${at}`, body), eventOf(`${at}b`, "1,2\n", "text/csv")];
      assert.deepEqual(await sink.deliver(events), { tag: "delivered" });
    }
    await sink.close();
    const names = (await readdir(folder)).sort();
    assert.equal(names.length, 2);
    const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8")));
    const lines = texts.join("").trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).id),
      Array.from({ length: 12 }, (_, at) => [`${at}`, `${at}b`]).flat(),
    );
    assert.deepEqual(JSON.parse(lines[0] ?? "").data, JSON.parse(body));
    const csv = JSON.parse(lines[1] ?? "");
    assert.deepEqual([csv.data_base64, csv.datacontenttype], ["MSwyCg==", "text/csv"]);
    for (const name of names) {
      const { mode, size } = await stat(join(folder, name));
      assert.equal(mode & 0o777, 0o600);
      assert.ok(size <= 64 * KiB);
    }
  });

  it("take no more room than they may: the oldest are deleted, and nothing else", async (t) => {
    const folder = await makeFolder(t);
    await writeFile(join(folder, "payloads-old.jsonl"), "x".repeat(200 * KiB));
    await writeFile(join(folder, "mine.txt"), "x".repeat(500 * KiB));
    const sink = open(t, folder);
    const body = JSON.stringify("x".repeat(30 * KiB));
    for (let at = 0; at < 40; at++) {
      await sink.deliver([eventOf(`${at}`, body)]);
      const sizes = await sizesIn(folder);
      assert.ok(sizes.reduce((sum, size) => sum + size, 0) <= 256 * KiB, `${at}: ${sizes}`);
    }
    await sink.close();
    const names = await readdir(folder);
    assert.ok(names.includes("mine.txt") && !names.includes("payloads-old.jsonl"));
    const last =
      names
        .filter((name) => name.startsWith("payloads-"))
        .sort()
        .at(-1) ?? "";
    assert.match(await readFile(join(folder, last), "utf8"), /"id":"39"/);
  });

  it("fail where the folder is none, and work as soon as it is one", async (t) => {
    const folder = join(await makeFolder(t), "log");
    await writeFile(folder, "");
    const sink = open(t, folder);
    const failed = await sink.deliver([eventOf("1")]);
    assert.ok(failed.tag === "failed" && failed.drop === "sink_failed");
    assert.match(failed.reason, /log: .*(?:EEXIST|ENOTDIR)/);
    await rm(folder);
    assert.deepEqual(await sink.deliver([eventOf("1")]), { tag: "delivered" });
    // Another program has taken the file away: the next event is in a new one.
    await sink.close();
    await copyFile(join(folder, (await readdir(folder))[0] ?? ""), join(folder, "copy"));
    assert.match(await readFile(join(folder, "copy"), "utf8"), /"id":"1"/);
  });
});
