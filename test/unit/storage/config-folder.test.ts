import assert from "node:assert/strict";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { StorageConfig } from "../../../src/storage/config-folder.ts";

describe("the storage configuration", () => {
  let folder: string;
  let config: StorageConfig;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-storage-config-"));
    config = new StorageConfig(folder);
    const files = {
      "..data-minio": {
        type: "s3",
        default_bucket: "one",
        access_key_id: "key",
        headers: { authorization: "a" },
        retries: 3,
      },
      default: { type: "http", url: "http://h" },
      default_gcs: { type: "gcs", bucket: "two" },
      both: { type: "s3", default_bucket: "one", bucket: "two" },
    };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(folder, name), JSON.stringify(content));
    }
    // Kubernetes mounts secrets as links.
    await symlink(join(folder, "..data-minio"), join(folder, "minio"));
    await writeFile(join(folder, "broken"), '{"secret_access_key": hunter2}');
    await writeFile(join(folder, "list"), "[]");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  const resolve = (storageKey?: string, parameters: Record<string, string> = {}) =>
    config.resolve({ path: "m", storageKey, parameters });

  it("is the file of the caller's key, with the caller's parameters before it", async () => {
    const found = await resolve("minio", { region: "r", "headers.authorization": "b" });
    assert.equal(found.type, "s3");
    assert.equal(found.text("bucket"), "one");
    assert.equal(found.text("region"), "r");
    assert.deepEqual(found.field("headers"), { authorization: "b" });
    // The file is as it was.
    assert.deepEqual((await resolve("minio")).field("headers"), { authorization: "a" });
  });

  it("takes the newer name of the bucket before the older one", async () => {
    assert.equal((await resolve("both")).text("bucket"), "two");
    assert.equal((await resolve("minio", { bucket: "mine" })).text("bucket"), "mine");
  });

  it("has defaults for callers without a key, for each type", async () => {
    assert.equal((await resolve()).text("url"), "http://h");
    assert.equal((await resolve(undefined, { type: "gcs" })).text("bucket"), "two");
    const alone = await resolve(undefined, { type: "azure", container: "c" });
    assert.equal(alone.text("container"), "c");
  });

  it("makes objects for parameters with dots", async () => {
    const found = await resolve("default", { "headers.x-one": "1" });
    assert.deepEqual(found.field("headers"), { "x-one": "1" });
  });

  it("says in ModelMesh Serving's words what is missing", async () => {
    await assert.rejects(resolve("nobody"), {
      kind: "failed-precondition",
      message: /^Did not find storage config for key nobody/,
    });
    await rm(join(folder, "default"));
    await assert.rejects(resolve(undefined, { bucket: "b" }), {
      kind: "invalid-argument",
      message: /^Predictor Storage field missing/,
    });
  });

  it("never shows what is in a file", async () => {
    for (const key of ["broken", "list"]) {
      await assert.rejects(resolve(key), (error: Error) => {
        assert.equal(error.message, `storage config for key ${key} is not a JSON object`);
        return true;
      });
    }
  });

  it("refuses keys that are no keys, and parameters that do not fit", async () => {
    for (const key of ["../minio", "..data-minio", "a/b", ".", "x".repeat(300)]) {
      await assert.rejects(resolve(key), { kind: "invalid-argument" });
    }
    const misfits = ["headers", "retries", "type.a", "retries.a", "__proto__.a", "a.__proto__", ""];
    for (const path of misfits) {
      await assert.rejects(resolve("minio", { [path]: "x" }), { kind: "invalid-argument" }, path);
    }
    assert.equal(({} as { a?: string }).a, undefined);
  });

  it("wants parameters that go together to come together", async () => {
    const found = await resolve("minio");
    assert.throws(() => found.together("access_key_id", "secret_access_key"), {
      kind: "invalid-argument",
      message: /secret_access_key missing/,
    });
    assert.equal(found.together("private_key", "client_email"), undefined);
    assert.throws(() => found.required("endpoint_url"), /endpoint_url is missing/);
    assert.throws(() => found.text("retries"), /retries must be a string/);
  });
});
