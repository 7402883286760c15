import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { listModelRepository } from "../../../src/storage/model-repository.ts";

describe("a local model repository", () => {
  let directory: string;
  const list = () => listModelRepository(directory, [".onnx"]);
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-repository-"));
    for (const name of ["digits", "_work", ".git", "flowers/1", "flowers/12", "mixed/1"]) {
      await mkdir(join(directory, name), { recursive: true });
    }
    for (const name of [
      ...["iris.onnx", "README.md", ".hidden.onnx", "digits/model.onnx", "flowers/config.pbtxt"],
      ...["flowers/1/model.onnx", "flowers/12/model.onnx", "mixed/model.onnx", "mixed/1/model.bin"],
    ]) {
      await writeFile(join(directory, name), "");
    }
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it("has one model for each folder and file, with a version for each numbered folder", async () => {
    const listed = (await list()).map(({ id, versions }) => [
      id,
      versions.map(({ version, path }) => [version, path]),
    ]);
    assert.deepEqual(listed, [
      ["digits", [["", join(directory, "digits")]]],
      [
        "flowers",
        [
          ["1", join(directory, "flowers/1")],
          ["12", join(directory, "flowers/12")],
        ],
      ],
      ["iris", [["", join(directory, "iris.onnx")]]],
      ["mixed", [["", join(directory, "mixed")]]],
    ]);
  });

  it("gives every version a fingerprint that changes with its files alone", async () => {
    const prints = async () =>
      (await list()).flatMap(({ versions }) => versions.map(({ fingerprint }) => fingerprint));
    const before = await prints();
    assert.deepEqual(await prints(), before);
    await writeFile(join(directory, "flowers/12/model.onnx"), "more");
    await utimes(join(directory, "iris.onnx"), 1, 1);
    const after = await prints();
    const changed = after.flatMap((print, at) => (print === before[at] ? [] : [at]));
    assert.deepEqual(changed, [2, 3]);
  });

  it("is refused when two entries make the same id", async (t) => {
    await mkdir(join(directory, "iris"));
    t.after(() => rm(join(directory, "iris"), { recursive: true }));
    await assert.rejects(list(), {
      kind: "invalid-argument",
      message: /would both be model 'iris'/,
    });
  });

  it("is refused when it is not there", async () => {
    await assert.rejects(listModelRepository(join(directory, "none"), [".onnx"]), {
      kind: "failed-precondition",
      message: /does not exist/,
    });
  });
});
