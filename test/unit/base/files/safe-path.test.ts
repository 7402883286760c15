import assert from "node:assert/strict";
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { SafePath } from "../../../../src/base/files/safe-path.ts";

let base: string;
let safe: SafePath;
before(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "modelport-path-")));
  for (const dir of ["models/sub", "pvc", "elsewhere"]) {
    await mkdir(join(base, dir), { recursive: true });
  }
  await writeFile(join(base, "models/m.onnx"), "m");
  await writeFile(join(base, "pvc/p.onnx"), "p");
  await writeFile(join(base, "elsewhere/secret"), "s");
  await symlink(join(base, "pvc/p.onnx"), join(base, "models/into-pvc"));
  await symlink(join(base, "elsewhere/secret"), join(base, "models/out"));
  await symlink(join(base, "elsewhere"), join(base, "models/out-dir"));
  await symlink("loop", join(base, "models/loop"));
  await symlink(join(base, "models"), join(base, "alias"));
  safe = new SafePath([join(base, "models"), join(base, "pvc"), join(base, "not-there")]);
});
after(() => rm(base, { recursive: true, force: true }));

const locate = async (path: string, within = safe) => within.follow(within.resolve(path), path);

describe("model paths", () => {
  it("may be absolute, or relative to the first root", async () => {
    assert.equal(await locate("m.onnx"), join(base, "models/m.onnx"));
    assert.equal(await locate(join(base, "pvc/p.onnx")), join(base, "pvc/p.onnx"));
    assert.equal(await locate("sub/../m.onnx"), join(base, "models/m.onnx"));
    assert.equal(await locate("."), join(base, "models"));
  });

  it("may be links from one root into another", async () => {
    assert.equal(await locate("into-pvc"), join(base, "pvc/p.onnx"));
  });

  it("may start at a root that is itself a link", async () => {
    const aliased = new SafePath([join(base, "alias")]);
    assert.equal(await locate("m.onnx", aliased), join(base, "models/m.onnx"));
  });

  it("are refused when they leave the roots, by letters or by links, there or not", async () => {
    const outside = { kind: "invalid-argument", message: /is outside the model directories/ };
    for (const path of [
      "..",
      "../elsewhere/secret",
      "../models-not",
      "/etc/passwd",
      "/no/such/file",
      "out",
      "out-dir/secret",
    ]) {
      await assert.rejects(locate(path), outside, path);
    }
    await assert.rejects(locate("m.onnx\0/../../x"), /NUL/);
  });

  it("may have names that only look like a way out", async () => {
    await mkdir(join(base, "models/..odd"));
    assert.equal(await locate("..odd"), join(base, "models/..odd"));
  });

  it("name what is wrong with a path that cannot be used", async () => {
    const precondition = "failed-precondition";
    await assert.rejects(locate("nothing"), {
      kind: precondition,
      message: "model path 'nothing' does not exist",
    });
    await assert.rejects(locate("m.onnx/below"), { kind: precondition, message: /does not exist/ });
    await assert.rejects(locate("loop"), { kind: "invalid-argument", message: /is a loop/ });
    await assert.rejects(locate("x".repeat(300)), {
      kind: "invalid-argument",
      message: /too long$/,
    });
  });
});
