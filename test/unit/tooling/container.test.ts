import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { settings } from "../../../src/settings.ts";

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

  it("exposes and publishes the port that the runtime has by default", () => {
    const port = settings.port.default;
    assert.deepEqual(all(read("Dockerfile"), /^EXPOSE (\d+)$/gm), [`${port}`]);
    assert.ok(read("docker-compose.yml").includes(`"127.0.0.1:${port}:${port}"`));
    assert.ok(read("deploy/health.js").includes(`"${port}"`));
  });

  it("names only settings that exist", () => {
    const known = Object.values(settings).map(({ env }) => env as string);
    const used = [
      ...all(read("docker-compose.yml"), /^ {6}([A-Z_]+):/gm),
      ...all(read("deploy/health.js"), /process\.env\.([A-Z_]+)/g),
    ];
    assert.ok(used.length >= 4, `found only ${used}`);
    for (const name of used) assert.ok(known.includes(name), name);
  });

  it("gives the runtime as much memory as it tells the runtime", () => {
    const compose = read("docker-compose.yml");
    const [limit] = all(compose, /^ {4}mem_limit: (\S+)$/gm);
    const [told] = all(compose, /CONTAINER_MEM_REQ_BYTES: (\S+)$/gm);
    assert.ok(limit !== undefined);
    assert.equal(limit, told);
  });

  it("serves models that are there", () => {
    const [folder] = all(read("docker-compose.yml"), /- \.\/(\S+):\/models:ro$/gm);
    assert.ok(folder !== undefined);
    assert.notEqual(globSync("**/*.onnx", { cwd: join(root, folder) }).length, 0);
  });
});
