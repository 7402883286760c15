import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { addConstant } from "../support/models/simple-models.ts";
import { startServed } from "../support/servers/served.ts";

/** A user whom modes keep out: root's tests would see nothing of them. */
const asNobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

describe("a repository with more in it than models", () => {
  it("is served, whatever else lies there and comes later", async (t) => {
    const root = await mkdtemp(join(tmpdir(), "modelport-strays-"));
    t.after(() => rm(root, { recursive: true, force: true }));
    const put = async (name: string, content: Uint8Array | string) => {
      await mkdir(dirname(join(root, name)), { recursive: true });
      await writeFile(join(root, name), content);
    };
    for (const name of ["..data/map", "iris/1/model", "iris/2/model", "iris", "both/model"]) {
      await put(`${name}.onnx`, addConstant(1));
    }
    for (const name of ["LICENSE", "flowers.txt", "map.pkl", "iris/labels.txt", "iris/configs/x"]) {
      await put(name, "text");
    }
    await put("both.onnx", addConstant(2));
    await put("closed/model.onnx", addConstant(1));
    await symlink("..data/map.onnx", join(root, "map.onnx"));
    await mkdir(join(root, "lost+found"));
    await chmod(root, 0o755);
    for (const name of ["lost+found", "closed"]) await chmod(join(root, name), 0o700);

    const told: Record<string, unknown>[] = [];
    const isRoot = process.getuid?.() === 0;
    const served = await startServed(["--model-repository", root, "--log-level", "debug"], {
      wrapper: isRoot ? asNobody : [],
      logged: (line) => told.push(line),
    });
    t.after(() => served.stop());
    const api = `http://localhost:${served.port}/v2`;
    const post = async (path: string) => {
      const answer = await fetch(`${api}/${path}`, { method: "POST" });
      return { status: answer.status, body: (await answer.json()) as unknown };
    };
    const index = async () => {
      const { status, body } = await post("repository/index");
      assert.equal(status, 200, JSON.stringify(body));
      return (body as { name: string; version?: string; state: string }[]).map(
        ({ name, version = "", state }) => `${name}/${version} ${state}`,
      );
    };
    const loaded = ["both/ READY", "iris/1 READY", "iris/2 READY", "map/ READY"];
    const all = isRoot ? [loaded[0], "closed/ UNAVAILABLE", ...loaded.slice(1)] : undefined;
    while ((await index()).filter((line) => line.endsWith("READY")).length < loaded.length) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    if (all !== undefined) assert.deepEqual(await index(), all);

    await put("map.json", "{}");
    await symlink("/nonexistent", join(root, "old"));
    assert.ok((await index()).includes("old/ UNAVAILABLE"));
    assert.equal((await fetch(`${api}/models`)).status, 200);
    assert.equal((await post("repository/models/map/load")).status, 200);
    const refused = await post("repository/models/old/load");
    assert.equal(refused.status, 400);
    assert.match(JSON.stringify(refused.body), /old points to does not exist/);

    const linesOf = (msg: string) => told.filter((line) => line["msg"] === msg);
    const ignored = linesOf("repository entry ignored").map(({ entry }) => entry);
    const strangers = ["LICENSE", "flowers.txt", "lost+found", "map.json", "map.pkl"];
    assert.deepEqual(ignored.sort(), strangers, "each once");
    const doubles = linesOf("two models of one name in the repository");
    assert.deepEqual(doubles.map(({ modelId }) => modelId).sort(), ["both", "iris"]);
    assert.equal(await served.stop(), 0);
  });
});
