import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { makeZip } from "../support/archives/make-zip.ts";
import { HubServer } from "../support/fakes/hub-server.ts";
import { createPuller, filesBelow, type PullerFixture } from "../support/fakes/puller-fixture.ts";
import { waitFor } from "../support/wait-for.ts";

const model = randomBytes(1_000_000);
const id = "owner/model";
const files = {
  ".gitattributes": "*.onnx filter=lfs",
  "README.md": "# A model",
  "config.json": '{"model_type":"x"}',
  "onnx/model.onnx": model,
  "onnx/model.onnx_data": randomBytes(5_000),
  "onnx/model_quantized.onnx": randomBytes(300_000),
  "pytorch_model.bin": randomBytes(300_000),
};
const needed = ["config.json", "onnx/model.onnx", "onnx/model.onnx_data"];

let hub: HubServer;
let fixture: PullerFixture;

beforeEach(async () => {
  hub = new HubServer();
  await hub.listen();
  fixture = await createPuller({ hubEndpoint: hub.origin, hubToken: "hf_own", idleTimeoutMs: 500 });
});
afterEach(async () => {
  await fixture.close();
  await hub.close();
});

const large = (name: keyof typeof files) => {
  const path = [...hub.store.files].find(([, { bytes }]) => bytes.equals(Buffer.from(files[name])));
  return path?.[0] ?? "";
};

describe("a pull from the hub", () => {
  it("brings the files that the model needs, of the commit that the revision was", async () => {
    const commit = hub.commit(id, files);
    const pulled = await fixture.pull(`hf://${id}`);
    assert.deepEqual(await filesBelow(pulled.path), needed);
    assert.deepEqual(await readFile(join(pulled.path, "onnx/model.onnx")), model);
    assert.ok(hub.requests.slice(1).every(({ path }) => path.includes(`/resolve/${commit}/`)));
    await pulled.release();
    assert.deepEqual(await fixture.left(), []);
    assert.equal(fixture.puller.reservedBytes, 0);
  });

  it("knows branches, commits and references to pull requests", async () => {
    const first = hub.commit(id, { "model.onnx": "first" });
    hub.commit(id, { "model.onnx": "second" });
    hub.commit(id, { "model.onnx": "third" }, "v1.0");
    hub.commit(id, { "model.onnx": "fourth" }, "refs/pr/7");
    const of = async (revision: string) => {
      const { path } = await fixture.pull(`hf://${id}${revision}`);
      return await readFile(join(path, "model.onnx"), "utf8");
    };
    assert.equal(await of(""), "second");
    assert.equal(await of(`@${first}`), "first");
    assert.equal(await of("@v1.0"), "third");
    assert.equal(await of(":v1.0"), "third");
    assert.equal(await of("@refs/pr/7"), "fourth");
    assert.equal(await of("@refs%2Fpr%2F7"), "fourth");
    await assert.rejects(of("@v2.0"), {
      kind: "failed-precondition",
      message: /owner\/model@v2\.0 cannot be pulled: Invalid rev id: v2\.0$/,
    });
  });

  it("brings one file with its weights, or one folder", async () => {
    hub.commit(id, { ...files, "other/model.joblib": "trees", "a/model.onnx": "a" });
    const file = await fixture.pull(`hf://${id}@main/onnx/model_quantized.onnx`);
    assert.match(file.path, /\/model_quantized\.onnx$/);
    const both = await fixture.pull(`hf://${id}/onnx/model.onnx`);
    assert.deepEqual(await filesBelow(both.path), ["model.onnx", "model.onnx_data"]);
    const folder = await fixture.pull(`hf://${id}/other`);
    assert.deepEqual(await filesBelow(folder.path), ["model.joblib"]);
    await assert.rejects(fixture.pull(`hf://${id}/none.onnx`), {
      kind: "failed-precondition",
      message: /has no 'none\.onnx'; seen: .*config\.json/,
    });
  });

  it("uses the fields of the storage configuration, and brings what they include", async () => {
    hub.commit(id, files, "v1");
    await fixture.configure("hub", {
      type: "hf",
      repository: id,
      revision: "v1",
      token: "hf_key",
      include: "onnx/model_quantized.onnx",
    });
    const pulled = await fixture.pull("", { storage_key: "hub" });
    assert.deepEqual(await filesBelow(pulled.path), [...needed, "onnx/model_quantized.onnx"]);
    assert.ok(hub.requests.every(({ headers }) => headers.authorization === "Bearer hf_key"));
  });

  it("sends the token to the hub only, not to where it redirects to or whom the client names", async () => {
    hub.token = "hf_own";
    hub.commit(id, files);
    await fixture.pull(`hf://${id}`);
    assert.ok(hub.store.requests.length > 0);
    assert.ok(hub.store.requests.every(({ headers }) => headers.authorization === undefined));
    const other = new HubServer();
    await other.listen();
    try {
      other.commit(id, files);
      const key = { storage_params: { type: "hf", repository: id, endpoint_url: other.origin } };
      await fixture.pull("", key);
      assert.ok(other.requests.length > 0);
      assert.ok(other.requests.every(({ headers }) => headers.authorization === undefined));
    } finally {
      await other.close();
    }
  });

  it("says what is missing to read a model, and does not show the token", async () => {
    hub.commit(id, files);
    hub.token = "hf_another";
    const pulling = fixture.pull(`hf://${id}`);
    await assert.rejects(pulling, (error: Error) => {
      assert.match(error.message, /restricted.*accept its conditions.*HF_TOKEN/);
      assert.doesNotMatch(error.message, /hf_/);
      return true;
    });
    hub.token = undefined;
    await assert.rejects(fixture.pull("hf://owner/nothing"), {
      kind: "failed-precondition",
      message: /does not exist, or the token may not read it/,
    });
    assert.deepEqual(await fixture.left(), []);
  });

  it("goes on where the connection broke, and starts over after damage", async () => {
    hub.commit(id, files);
    const path = large("onnx/model.onnx");
    hub.store.fail(path, { cutAfter: 300_000 }, { status: 503 }, { hangAfter: 200_000 });
    const pulled = await fixture.pull(`hf://${id}`);
    assert.deepEqual(await readFile(join(pulled.path, "onnx/model.onnx")), model);
    const ranges = hub.store.requests
      .filter((each) => each.path === path)
      .map((each) => each.range);
    assert.match(ranges.at(-1) ?? "", /^bytes=[3-9]\d{5}-$/);
    await pulled.release();
    hub.store.fail(path, { corrupt: true });
    const again = await fixture.pull(`hf://${id}`);
    assert.deepEqual(await readFile(join(again.path, "onnx/model.onnx")), model);
  });

  it("leaves nothing of files whose content is not the one that was listed", async () => {
    hub.commit(id, files);
    hub.store.put(large("onnx/model.onnx"), randomBytes(model.length), { etag: '"of-the-store"' });
    await assert.rejects(fixture.pull(`hf://${id}`), {
      kind: "failed-precondition",
      message: /has the sha256 checksum/,
    });
    assert.deepEqual(await fixture.left(), []);
    hub.commit(id, { "model.onnx": "small" });
    hub.corruptsSmallFiles = true;
    await assert.rejects(fixture.pull(`hf://${id}`), {
      kind: "failed-precondition",
      message: /has the git-sha1 checksum/,
    });
    assert.deepEqual(await fixture.left(), []);
  });

  it("checks the content even if only the file's own response names its hash", async () => {
    hub.hasFacts = false;
    hub.commit(id, files);
    const pulled = await fixture.pull(`hf://${id}`);
    assert.deepEqual(await filesBelow(pulled.path), needed);
    await pulled.release();
    hub.store.put(large("onnx/model.onnx"), randomBytes(model.length), { etag: '"of-the-store"' });
    await assert.rejects(fixture.pull(`hf://${id}`), { message: /has the sha256 checksum/ });
    assert.deepEqual(await fixture.left(), []);
  });

  it("leaves nothing when it is cancelled half way, and when the disk is full", async () => {
    hub.commit(id, files);
    const controller = new AbortController();
    const cancelled = fixture.pull(
      `hf://${id}`,
      {},
      {
        signal: controller.signal,
        onProgress: ({ receivedBytes }) => {
          if (receivedBytes > 500_000) controller.abort(new Error("enough"));
        },
      },
    );
    await assert.rejects(cancelled, /^Error: enough/);
    assert.deepEqual(await fixture.left(), []);
    await waitFor(() => hub.store.sockets.size === 0);
    const small = await createPuller({ hubEndpoint: hub.origin, limitBytes: 900_000 });
    try {
      await assert.rejects(small.pull(`hf://${id}`), { kind: "over-budget" });
      assert.deepEqual(await small.left(), []);
    } finally {
      await small.close();
    }
  });

  it("tries again when the hub is busy", async () => {
    hub.commit(id, files);
    hub.failures.set(`/api/models/${id}/revision/main`, { status: 429, times: 2 });
    const pulled = await fixture.pull(`hf://${id}`);
    assert.deepEqual(await filesBelow(pulled.path), needed);
  });

  it("unpacks a file that is an archive", async () => {
    hub.commit(id, {
      "model.onnx": "x",
      "packed.zip": makeZip([{ name: "model.onnx", bytes: "inner" }]),
    });
    const pulled = await fixture.pull(`hf://${id}/packed.zip`);
    assert.equal(await readFile(join(pulled.path, "model.onnx"), "utf8"), "inner");
  });
});
