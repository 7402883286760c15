import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { FileServer } from "../support/fakes/file-server.ts";
import { createPuller, type PullerFixture } from "../support/fakes/puller-fixture.ts";
import { projectRoot } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const pem = (name: string) => readFileSync(join(projectRoot, "test/fixtures/tls", name), "utf8");
const model = randomBytes(1_000_000);

let server: FileServer;
let fixture: PullerFixture;

beforeEach(async () => {
  server = new FileServer();
  await server.listen();
  fixture = await createPuller({ idleTimeoutMs: 500 });
});
afterEach(async () => {
  await fixture.close();
  await server.close();
});

describe("a pull over HTTP", () => {
  it("brings the file under its own name, and takes it away when it is released", async () => {
    const url = server.put("/models/mnist.onnx", model);
    const seen: (number | undefined)[] = [];
    const pulled = await fixture.pull(
      url,
      {},
      {
        onProgress: ({ receivedBytes, totalBytes }) => seen.push(receivedBytes, totalBytes),
      },
    );
    assert.match(pulled.path, /\/mnist\.onnx$/);
    assert.deepEqual(await readFile(pulled.path), model);
    assert.equal(pulled.sizeBytes, model.length);
    assert.deepEqual(seen.slice(-2), [model.length, model.length]);
    await pulled.release();
    assert.deepEqual(await fixture.left(), []);
    assert.equal(fixture.puller.reservedBytes, 0);
    assert.equal(server.sockets.size, 0);
  });

  it("brings the signature beside it, if signatures are wanted and there is one", async () => {
    const url = server.put("/models/mnist.onnx", model);
    const pulled = await fixture.pull(url);
    await pulled.release();
    assert.equal(server.requests.length, 1);
    const signed = await createPuller({ idleTimeoutMs: 500, hasSignatures: true });
    try {
      const alone = await signed.pull(url);
      assert.equal(alone.isOwn, true);
      await assert.rejects(readFile(`${alone.path}.sig`), { code: "ENOENT" });
      await alone.release();
      server.put("/models/mnist.onnx.sig", Buffer.from("a signature"));
      const both = await signed.pull(url);
      assert.equal(await readFile(`${both.path}.sig`, "utf8"), "a signature");
      assert.deepEqual(await readFile(both.path), model);
      await both.release();
      assert.deepEqual(await signed.left(), []);
    } finally {
      await signed.close();
    }
  });

  it("appends the path to the URL of the storage configuration, and sends its headers", async () => {
    server.put("/base/my model.onnx", model);
    server.files.set("/base/my%20model.onnx", { bytes: model });
    await fixture.configure("web", {
      type: "http",
      url: `${server.origin}/base/?version=3`,
      headers: { authorization: "Bearer a", "x-many": ["1", "2"] },
    });
    const pulled = await fixture.pull("my model.onnx", {
      storage_key: "web",
      storage_params: { "headers.authorization": "Bearer b" },
    });
    assert.match(pulled.path, /\/my model\.onnx$/);
    const [request] = server.requests;
    assert.equal(request?.headers.authorization, "Bearer b");
    assert.equal(request?.headers["x-many"], "1, 2");
  });

  it("does not take a page that says 404 for a model", async () => {
    await assert.rejects(fixture.pull(`${server.origin}/none.onnx`), {
      kind: "failed-precondition",
      message: /none\.onnx does not exist/,
    });
    assert.equal(server.requests.length, 1);
    assert.deepEqual(await fixture.left(), []);
  });

  for (const status of [401, 403, 410]) {
    it(`gives up at once on status ${status}`, async () => {
      const url = server.put("/a.onnx", model);
      server.fail("/a.onnx", { status });
      await assert.rejects(fixture.pull(`${url}?signature=secret`), (error: Error) => {
        assert.equal((error as unknown as { kind: string }).kind, "failed-precondition");
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
      assert.equal(server.requests.length, 1);
    });
  }

  it("tries again when the server is busy", async () => {
    const url = server.put("/a.onnx", model);
    server.fail("/a.onnx", { status: 503 }, { status: 429 }, { status: 502 });
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(pulled.path), model);
    assert.equal(server.requests.length, 4);
  });

  it("goes on where the connection broke, again and again", async () => {
    const url = server.put("/a.onnx", model);
    const cuts = Array.from({ length: 9 }, () => ({ cutAfter: 100_000 }));
    server.fail("/a.onnx", ...cuts);
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(pulled.path), model);
    const starts = server.requests.map(({ range }) => Number(/\d+/.exec(range ?? "0")?.[0]));
    assert.deepEqual(
      starts,
      [...starts].sort((a, b) => a - b),
    );
    assert.ok((starts.at(-1) ?? 0) > 100_000, `started at ${starts}`);
  });

  it("starts over when the server knows no ranges", async () => {
    const url = server.put("/a.onnx", model, { ignoresRanges: true });
    server.fail("/a.onnx", { cutAfter: 500_000 });
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(pulled.path), model);
  });

  it("asks again when nothing comes any more", async () => {
    const url = server.put("/a.onnx", model);
    server.fail("/a.onnx", { hangAfter: 300_000 });
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(pulled.path), model);
    assert.match(server.requests[1]?.range ?? "", /^bytes=[1-9]/);
  });

  it("takes one version of the file, not the pieces of two", async () => {
    const url = server.put("/a.onnx", model);
    const newer = randomBytes(900_000);
    server.fail("/a.onnx", { cutAfter: 500_000 });
    const pulling = fixture.pull(
      url,
      {},
      {
        onProgress: ({ receivedBytes }) => {
          if (receivedBytes > 0) server.put("/a.onnx", newer);
        },
      },
    );
    const pulled = await pulling;
    assert.deepEqual(await readFile(pulled.path), newer);
    assert.equal(pulled.sizeBytes, newer.length);
  });

  it("takes a body without a length, and one without an ETag", async () => {
    const url = server.put("/a.onnx", model, { chunked: true, etag: "" });
    const [one, other] = await Promise.all([fixture.pull(url), fixture.pull(url)]);
    assert.deepEqual(await readFile(one.path), model);
    // Nobody can know that they are the same.
    assert.notEqual(one.path, other.path);
    assert.equal(one.sizeBytes, model.length);
  });

  it("notices a body without a length that breaks off", async () => {
    const url = server.put("/a.onnx", model, { chunked: true });
    server.fail("/a.onnx", { cutAfter: 200_000 });
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(pulled.path), model);
  });

  it("fetches anew what arrived corrupt, and refuses what stays so", async () => {
    const md5 = createHash("md5").update(model).digest("base64");
    const url = server.put("/a.onnx", model, { md5 });
    server.fail("/a.onnx", { corrupt: true });
    const pulled = await fixture.pull(url);
    assert.deepEqual(await readFile(pulled.path), model);
    await pulled.release();
    const bad = server.put("/b.onnx", model, {
      md5: createHash("md5").update("other").digest("base64"),
    });
    await assert.rejects(fixture.pull(bad), {
      kind: "failed-precondition",
      message: /b\.onnx has the md5 checksum/,
    });
    assert.deepEqual(await fixture.left(), []);
  });

  it("takes an empty file for an empty file", async () => {
    const pulled = await fixture.pull(server.put("/a.onnx", Buffer.alloc(0)));
    assert.equal((await readFile(pulled.path)).length, 0);
  });

  it("leaves no file and no socket when it is cancelled half way", async () => {
    const url = server.put("/a.onnx", model);
    server.fail("/a.onnx", { hangAfter: 500_000 });
    const controller = new AbortController();
    const reason = new Error("enough");
    const pulling = fixture.pull(
      url,
      {},
      {
        signal: controller.signal,
        onProgress: ({ receivedBytes }) => {
          if (receivedBytes >= 400_000) controller.abort(reason);
        },
      },
    );
    await assert.rejects(pulling, reason);
    assert.deepEqual(await fixture.left(), []);
    assert.equal(fixture.puller.reservedBytes, 0);
    await waitFor(() => server.sockets.size === 0);
  });

  it("follows redirects, and keeps what was meant for the first server from others", async () => {
    const other = new FileServer();
    await other.listen();
    try {
      const target = other.put("/real.onnx", model);
      server.put("/a.onnx", model);
      server.fail("/a.onnx", { status: 302, headers: { location: target } });
      const pulled = await fixture.pull("", {
        storage_params: { type: "http", url: `${server.origin}/a.onnx`, "headers.x-key": "k" },
      });
      assert.deepEqual(await readFile(pulled.path), model);
      assert.match(pulled.path, /\/a\.onnx$/);
      assert.equal(server.requests[0]?.headers["x-key"], "k");
      assert.equal(other.requests[0]?.headers["x-key"], undefined);
    } finally {
      await other.close();
    }
  });

  it("does not go round in circles", async () => {
    const url = `${server.origin}/a.onnx`;
    const circle = { status: 302, headers: { location: url } };
    server.fail("/a.onnx", ...Array.from({ length: 20 }, () => circle));
    await assert.rejects(fixture.pull(url), { kind: "invalid-argument", message: /redirects/ });
  });

  it("refuses a file that is compressed on the way", async () => {
    server.fail("/a.onnx", { status: 200, headers: { "content-encoding": "gzip" } });
    await assert.rejects(fixture.pull(`${server.origin}/a.onnx`), { message: /gzip/ });
  });

  it("refuses names that lead elsewhere", async () => {
    const url = server.put("/a/..%2f..%2fb.onnx", model);
    const pulled = await fixture.pull(url);
    assert.match(pulled.path, /\/content-\w+\/b\.onnx$/);
    await assert.rejects(
      fixture.pull("../b.onnx", { storage_params: { type: "http", url: server.origin } }),
      { kind: "invalid-argument" },
    );
  });
});

describe("models with the same source", () => {
  it("share one copy, which goes with the last of them", async () => {
    const url = server.put("/a.onnx", model);
    const [one, other] = await Promise.all([fixture.pull(url), fixture.pull(url)]);
    const third = await fixture.pull(url);
    assert.deepEqual(new Set([one.path, other.path, third.path]).size, 1);
    assert.equal(fixture.puller.reservedBytes, model.length);
    await one.release();
    await one.release();
    await other.release();
    assert.deepEqual(await readFile(third.path), model);
    await third.release();
    assert.deepEqual(await fixture.left(), []);
  });

  it("do not share it when it has changed", async () => {
    const url = server.put("/a.onnx", model);
    const one = await fixture.pull(url);
    const newer = randomBytes(1000);
    server.put("/a.onnx", newer);
    const other = await fixture.pull(url);
    assert.deepEqual(await readFile(one.path), model);
    assert.deepEqual(await readFile(other.path), newer);
  });

  it("go on when the one that came first is cancelled", async () => {
    const url = server.put("/a.onnx", model);
    server.fail("/a.onnx", { hangAfter: 300_000 });
    const first = new AbortController();
    let started = false;
    const one = fixture.pull(
      url,
      {},
      {
        signal: first.signal,
        onProgress: ({ receivedBytes }) => {
          started ||= receivedBytes > 0;
        },
      },
    );
    await waitFor(() => started);
    let joined = false;
    const other = fixture.pull(
      url,
      {},
      {
        onProgress: () => {
          joined = true;
        },
      },
    );
    await waitFor(() => joined);
    first.abort(new Error("enough"));
    await assert.rejects(one, /enough/);
    assert.deepEqual(await readFile((await other).path), model);
  });

  it("are not held back by a failure before them", async () => {
    const url = server.put("/a.onnx", model);
    server.fail("/a.onnx", { status: 403 });
    await assert.rejects(fixture.pull(url));
    assert.deepEqual(await readFile((await fixture.pull(url)).path), model);
  });
});

describe("the disk for pulled models", () => {
  it("refuses what does not fit beside the others, before anything is written", async () => {
    await fixture.close();
    fixture = await createPuller({ limitBytes: 1_500_000 });
    const one = await fixture.pull(server.put("/a.onnx", model));
    const url = server.put("/b.onnx", randomBytes(600_000));
    await assert.rejects(fixture.pull(url), {
      kind: "over-budget",
      message: /1000000 of 1500000 bytes/,
    });
    await one.release();
    await fixture.pull(url);
  });

  it("refuses it while it comes when its size was not known", async () => {
    await fixture.close();
    fixture = await createPuller({ limitBytes: 500_000 });
    const url = server.put("/a.onnx", model, { chunked: true });
    await assert.rejects(fixture.pull(url), { kind: "over-budget" });
    assert.deepEqual(await fixture.left(), []);
    assert.equal(fixture.puller.reservedBytes, 0);
  });
});

describe("a pull over HTTPS", () => {
  let secure: FileServer;
  before(async () => {
    const tls = { cert: pem("server.pem"), key: pem("server-key.pem") };
    secure = new FileServer({ ...tls, ca: pem("ca.pem"), requestCert: true });
    await secure.listen();
    secure.put("/a.onnx", model);
  });
  after(() => secure.close());

  it("trusts the authority of the storage configuration, and shows its certificate", async () => {
    await fixture.configure("web", {
      type: "https",
      url: secure.origin,
      certificate: pem("ca.pem"),
      client_certificate: pem("client.pem"),
      client_key: pem("client-key.pem"),
    });
    const pulled = await fixture.pull("a.onnx", { storage_key: "web" });
    assert.deepEqual(await readFile(pulled.path), model);
  });

  it("trusts nobody else, and does not try again", async () => {
    const { connectionCount } = secure;
    await assert.rejects(fixture.pull(`${secure.origin}/a.onnx`), {
      kind: "failed-precondition",
      message: /certificate/,
    });
    assert.equal(secure.connectionCount - connectionCount, 1);
  });

  it("refuses to be sent from https to http", async () => {
    secure.fail("/a.onnx", { status: 302, headers: { location: `${server.origin}/a.onnx` } });
    await fixture.configure("web", {
      type: "http",
      url: secure.origin,
      certificate: pem("ca.pem"),
      client_certificate: pem("client.pem"),
      client_key: pem("client-key.pem"),
    });
    await assert.rejects(fixture.pull("a.onnx", { storage_key: "web" }), /from https to http/);
  });
});
