import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { listModelRepository } from "../../../src/storage/model-repository.ts";

describe("a local model repository", () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-repository-"));
    for (const name of ["digits", "_work", ".git"]) await mkdir(join(directory, name));
    for (const name of ["iris.onnx", "README.md", ".hidden.onnx"]) {
      await writeFile(join(directory, name), "");
    }
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("has one model for each folder and file, named after it", async () => {
    assert.deepEqual(await listModelRepository(directory), [
      { id: "digits", path: join(directory, "digits") },
      { id: "iris", path: join(directory, "iris.onnx") },
    ]);
  });

  it("is refused when two entries make the same id", async () => {
    await mkdir(join(directory, "iris"));
    await assert.rejects(listModelRepository(directory), {
      kind: "invalid-argument",
      message: /would both be model 'iris'/,
    });
  });

  it("is refused when it is not there", async () => {
    await assert.rejects(listModelRepository(join(directory, "none")), {
      kind: "failed-precondition",
      message: /does not exist/,
    });
  });
});
