import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { callRest } from "../support/clients/rest-calls.ts";
import { addOne } from "../support/models/simple-models.ts";
import { projectRoot } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

describe("a server whose standard output is closed", { timeout: 300_000 }, () => {
  it("goes on serving, as behind `head -1`", async (t) => {
    const root = await mkdtemp(join(tmpdir(), "modelport-stdout-"));
    await writeFile(join(root, "add.onnx"), addOne());
    const flags = ["serve", "--port", "0", "--model-repository", root];
    const child = spawn(process.execPath, ["src/modelport.js", ...flags], {
      cwd: projectRoot,
      stdio: ["ignore", "pipe", "pipe"],
    });
    t.after(async () => {
      if (child.kill()) await once(child, "close");
      await rm(root, { recursive: true, force: true });
    });
    // Nobody reads what it will print once its models are loaded.
    child.stdout.destroy();
    let port = 0;
    createInterface({ input: child.stderr }).on("line", (text) => {
      const line = JSON.parse(text) as { msg: string; port?: number };
      if (line.msg === "server listening") port = line.port ?? 0;
    });
    const isReady = async () =>
      port !== 0 && (await callRest(port, "/v2/models/add/ready")).status === 200;
    await waitFor(isReady);
    // By then it has printed, or been ended by it.
    for (let call = 0; call < 20; call++) assert.ok(await isReady());
    assert.equal(child.exitCode, null);
    assert.equal(child.signalCode, null);
  });
});
