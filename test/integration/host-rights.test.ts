import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, chown, readFile } from "node:fs/promises";
import { describe, it } from "node:test";
import { addOne } from "../support/models/simple-models.ts";
import { startEngine } from "../support/servers/engine-fixture.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

describe("an engine host", {
  skip: !existsSync("/usr/bin/setpriv") && "needs setpriv",
  timeout: 60_000,
}, () => {
  it("has no capabilities, gets none, and is ended before the server when memory is short", async (t) => {
    const { put, load } = await startEngine(t);
    const path = await put("add.onnx", addOne());
    for (const isolated of [false, true]) {
      const { hostPid } = await load(path, { isolated });
      const status = await readFile(`/proc/${hostPid}/status`, "latin1");
      const field = (name: string) => new RegExp(`^${name}:\\s+(\\w+)$`, "m").exec(status)?.[1];
      assert.equal(field("NoNewPrivs"), "1");
      for (const name of ["CapInh", "CapPrm", "CapEff", "CapAmb"]) {
        assert.match(field(name) ?? "", /^0+$/, name);
      }
      if (isRoot) assert.match(field("CapBnd") ?? "", /^0+$/);
      const score = async (pid: number | "self") =>
        Number(await readFile(`/proc/${pid}/oom_score_adj`, "latin1"));
      assert.equal(await score(hostPid), Math.min(1000, (await score("self")) + 500));
    }
  });

  it("says which file it cannot read although the server, as root, can", {
    skip: !isRoot && "only root can read what it may not",
  }, async (t) => {
    const { put, load } = await startEngine(t);
    const path = await put("add.onnx", addOne());
    await chmod(path, 0o600);
    await load(path);
    await chown(path, nobody, nobody);
    await assert.rejects(load(path), {
      kind: "load-failed",
      message: /add\.onnx is not readable: access denied to the engine host/,
    });
  });
});
