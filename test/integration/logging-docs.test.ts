import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { callRest } from "../support/clients/rest-calls.ts";
import { logCalls } from "../support/docs/log-calls.ts";
import { assertPrints, markdownExamples, runExample } from "../support/docs/markdown-examples.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const page = readFileSync(join(projectRoot, "docs/logging.md"), "utf8");

/** What the page says of each message. */
const documented = new Map(
  [...page.matchAll(/^\| `([^`]+)` +\| ([a-z, ]+?) +\| ((?:`\w+` ?)+) *\|/gm)].map(
    ([, message = "", levels = "", fields = ""]) => [
      message,
      { levels: levels.split(", "), fields: namesIn(fields) },
    ],
  ),
);
const explained = new Set(
  [...page.slice(page.indexOf("## Fields")).matchAll(/^\| ((?:`\w+` ?)+) *\|/gm)].flatMap(
    ([, names = ""]) => namesIn(names),
  ),
);

function namesIn(cell: string): string[] {
  return [...cell.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name);
}

describe("docs/logging.md", () => {
  const files = globSync("src/**/*.ts", { cwd: projectRoot });
  const calls = files
    .filter((file) => !/^src\/(cli|dashboard)\//.test(file))
    .flatMap((file) => logCalls(readFileSync(join(projectRoot, file), "utf8"), file));

  it("has every line that the sources can write, with its level and its fields", () => {
    assert.ok(calls.length > 30, "they were found");
    for (const { where, level, message, fields } of calls) {
      const row = documented.get(message);
      assert.ok(row !== undefined, `${where}: "${message}" has no row`);
      if (level !== "any") assert.ok(row.levels.includes(level), `${where}: ${message}: ${level}`);
      for (const field of fields) {
        assert.ok(row.fields.includes(field), `${where}: "${message}" has no field ${field}`);
      }
    }
  });

  it("has no line that they do not write", () => {
    const written = new Set(calls.map(({ message }) => message));
    // Past the log, which is what does not work then.
    written.add("log lines were lost");
    assert.deepEqual(
      [...documented.keys()].filter((message) => !written.has(message)),
      [],
    );
  });

  it("explains every field", () => {
    const used = new Set([...documented.values()].flatMap(({ fields }) => fields));
    assert.deepEqual(
      [...used].filter((field) => !explained.has(field)),
      [],
    );
    assert.deepEqual(
      [...explained].filter((field) => !used.has(field)),
      [],
    );
  });

  describe("of a server that is used", () => {
    const lines: Record<string, unknown>[] = [];
    let served: Served;
    let folder: string;
    before(async () => {
      const flags = ["--model-repository", "examples/models", "--access-log", "all"];
      served = await startServed(flags, { logged: (line) => lines.push(line) });
      await waitFor(() => served.output().includes("Try it"));
      folder = await mkdtemp(join(tmpdir(), "modelport-log-"));
      await symlink(join(projectRoot, "src/modelport.js"), join(folder, "modelport"));
    });
    after(async () => {
      await served?.stop();
      await rm(folder, { recursive: true, force: true });
    });

    for (const example of markdownExamples(page)) {
      it(`is right about: ${example.command.trim()}`, async () => {
        const environment = `export PATH="${folder}:$PATH" MODELPORT_ADDRESS=localhost:${served.port}`;
        const printed = await runExample(`${environment}\n${example.command}`, served.port);
        assertPrints(printed, example);
      });
    }

    it("is right about what that writes", async () => {
      const { port } = served;
      const headers = { "content-type": "application/json" };
      const post = (path: string, body: unknown) =>
        callRest(port, path, { method: "POST", headers, body });
      const level = { method: "PUT", body: { level: "trace" } };
      assert.equal((await callRest(port, "/debug/log-level", level)).status, 200);
      const repository = "/v2/repository/models/iris";
      await post(`${repository}/unload`, {});
      await post(`${repository}/load`, {});
      await post("/v2/models/iris/infer", { inputs: [] });
      await post("/v2/models/nothing/infer", {});
      const gone = {
        modelId: "gone",
        modelPath: "no/such/file",
        modelType: "onnx",
        modelKey: "{}",
      };
      await post("/mmesh.ModelRuntime/loadModel", gone);
      await served.stop();
      const seen = new Set<string>();
      for (const { level, time, msg, ...fields } of lines) {
        const row = documented.get(String(msg));
        assert.ok(row !== undefined, `"${msg}" has no row`);
        assert.ok(typeof level === "number" && typeof time === "number");
        const names = ["trace", "debug", "info", "warn", "error", "fatal"];
        assert.ok(row.levels.includes(names[level / 10 - 1] ?? ""), `${msg}: ${level}`);
        for (const field of Object.keys(fields)) {
          assert.ok(row.fields.includes(field), `"${msg}" has no field ${field}`);
        }
        seen.add(String(msg));
      }
      for (const message of [
        "load started",
        "load admitted",
        "model loaded",
        "model not loaded",
        "unload started",
        "model unloaded",
        "call failed",
        "call ended",
        "server listening",
        "shutdown finished",
      ]) {
        assert.ok(seen.has(message), `it wrote no "${message}"`);
      }
    });
  });
});
