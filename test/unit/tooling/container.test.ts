import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Setting } from "../../../src/config/setting.ts";
import { settings } from "../../../src/config/settings.ts";
import { commandVariables } from "../../../src/config/stray-variables.ts";

const root = join(import.meta.dirname, "../../..");
const read = (file: string) => readFileSync(join(root, file), "utf8");
const all = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].map(([, group = ""]) => group);

describe("the container", () => {
  it("copies files that exist and that reach the build", () => {
    const sources = all(read("Dockerfile"), /^COPY (?!--from)(.+) \S+$/gm)
      .flatMap((list) => list.split(" "))
      .sort();
    assert.ok(sources.length > 0);
    for (const source of sources) assert.ok(existsSync(join(root, source)), source);
    const reaching = all(read(".dockerignore"), /^!(.+)$/gm).sort();
    assert.deepEqual(reaching, [...new Set(sources)].sort());
  });

  it("exposes the port that the runtime has by default, at which its health is asked", () => {
    const port = settings.port.default;
    const exposed = new Set(all(read("Dockerfile"), /^EXPOSE (\d+)$/gm));
    assert.deepEqual(exposed, new Set([`${port}`]));
    assert.ok(read("deploy/health.js").includes(`"${port}"`));
    const variables = Object.values(settings as Record<string, Setting>).flatMap((setting) => [
      setting.env,
      ...(setting.aliases ?? []),
    ]);
    const known: readonly string[] = [...variables, ...commandVariables];
    const used = all(read("deploy/health.js"), /\b([A-Z]+(?:_[A-Z]+)+)\b/g);
    assert.ok(used.includes("ADAPTER_PORT"));
    for (const name of used) assert.ok(known.includes(name), name);
  });

  it("has a target for GPUs that runs the same program, with the library for CUDA of the same ONNX Runtime", () => {
    const dockerfile = read("Dockerfile");
    const [runtime = "", gpu = ""] = ["runtime", "gpu"].map((name) => {
      const [stage] =
        new RegExp(`^FROM \\S+ AS ${name}$.*?(?=^FROM )`, "ms").exec(dockerfile) ?? [];
      return stage;
    });
    for (const line of [/^ENTRYPOINT .*$/m, /^EXPOSE .*$/m, /^HEALTHCHECK .*\n.*$/m]) {
      assert.equal(line.exec(gpu)?.[0], line.exec(runtime)?.[0]);
    }
    const variables = (stage: string) => all(stage, /\b([A-Z_]+=\S+)/g);
    for (const variable of all(runtime, /^ENV (\S+)$/gm)) {
      assert.ok(variables(gpu).includes(variable), variable);
    }
    const { dependencies } = JSON.parse(read("package.json"));
    const [wheel] = all(dockerfile, /onnxruntime-gpu==(\S+)/g);
    assert.equal(wheel, dependencies["onnxruntime-node"]);
    assert.match(dockerfile, /\nFROM runtime\n$/);
  });
});
