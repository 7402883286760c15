import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { RuntimeError } from "../../../src/base/errors.ts";
import { type Config, type ConfigReading, loadConfig } from "../../../src/config/config.ts";
import { checkClock } from "../../../src/doctor/check-clock.ts";
import { checkEngine } from "../../../src/doctor/check-engine.ts";
import { checkLimits } from "../../../src/doctor/check-limits.ts";
import { checkMemory } from "../../../src/doctor/check-memory.ts";
import { checkModelFolders } from "../../../src/doctor/check-models.ts";
import { checkNode } from "../../../src/doctor/check-node.ts";
import { checkPort } from "../../../src/doctor/check-port.ts";
import { checkSpace } from "../../../src/doctor/check-space.ts";
import { checkUnixSocket } from "../../../src/doctor/check-unix-socket.ts";
import type { Finding } from "../../../src/doctor/finding.ts";
import type { Engine } from "../../../src/engine/contract/engine.ts";

const GiB = 1024 ** 3;

type Sound = ConfigReading & { readonly config: Config };

async function configFor(env: Record<string, string>): Promise<Sound> {
  const reading = await loadConfig([], { CONTAINER_MEM_REQ_BYTES: String(2 * GiB), ...env });
  assert.ok(reading.config, reading.problems.join("\n"));
  return { ...reading, config: reading.config };
}

/** "level: message" of each, and whether advice is given exactly where something is wrong. */
function summary(findings: Finding | readonly Finding[]): string[] {
  return [findings].flat().map(({ level, message, advice }) => {
    assert.equal(advice === undefined, level === "ok", message);
    return `${level}: ${message}`;
  });
}

function assertFound(findings: Finding | readonly Finding[], ...expected: RegExp[]): void {
  const found = summary(findings);
  assert.equal(found.length, expected.length, found.join("\n"));
  for (const [at, line] of expected.entries()) assert.match(found[at] ?? "", line);
}

async function listenAnywhere(t: TestContext, at: string | 0): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve) =>
    at === 0 ? server.listen(0, "127.0.0.1", resolve) : server.listen(at, resolve),
  );
  t.after(() => new Promise((resolve) => server.close(resolve)));
  return server;
}

describe("the doctor's look at", () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-doctor-"));
    await writeFile(join(folder, "file"), "");
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("a port that is free leaves it free", async () => {
    assertFound(await checkPort({ host: "localhost", port: 0 }), /^ok: localhost has free ports$/);
  });

  it("a port that is taken tells by whom", async (t) => {
    const server = await listenAnywhere(t, 0);
    const { port } = server.address() as { port: number };
    const holder = process.platform === "linux" ? `, by process ${process.pid} \\(` : "";
    const expected = new RegExp(`^fail: 127\\.0\\.0\\.1 port ${port} is taken${holder}`);
    assertFound(await checkPort({ host: "127.0.0.1", port }), expected);
    assertFound(await checkPort({ host: "localhost", port }), /^fail: localhost port \d+ is taken/);
  });

  it("an address of another machine says so", async () => {
    const finding = await checkPort({ host: "192.0.2.1", port: 0 });
    assertFound(finding, /^fail: cannot listen at 192\.0\.2\.1 port 0: EADDRNOTAVAIL/);
    assert.match(finding.advice ?? "", /0\.0\.0\.0 means all addresses/);
  });

  it("a unix socket tells whether it can be made", async (t) => {
    const free = join(folder, "new/folder/free.sock");
    assertFound(await checkUnixSocket(free), /^ok: .*free\.sock can be created$/);
    assertFound(
      await checkUnixSocket(join(folder, "file")),
      /^fail: .*\/file exists and is not a socket$/,
    );
    assertFound(
      await checkUnixSocket(join(folder, "file/x")),
      /^fail: .*\/file is not a directory$/,
    );
    assertFound(
      await checkUnixSocket(`/${"x".repeat(120)}`),
      /^fail: .* is 121 bytes long, expected at most 103$/,
    );
    const taken = join(folder, "taken.sock");
    await listenAnywhere(t, taken);
    assertFound(await checkUnixSocket(taken), /^warn: a process listens on .*taken\.sock$/);
  });

  it("memory shows the division, and finds settings beyond the cgroup and defaults on a machine", async () => {
    const machine = { totalBytes: 16 * GiB, availableBytes: 8 * GiB, limitBytes: 2 * GiB };
    const { config, values } = await configFor({});
    assertFound(
      checkMemory(config, values, machine),
      /^ok: 2048 MiB: \d+ MiB for models, \d+ MiB for runs, \d+ MiB for calls, 160 MiB for the server, \d+ MiB for its hosts$/,
    );
    assertFound(
      checkMemory(config, values, { ...machine, limitBytes: 1 * GiB }),
      /^fail: CONTAINER_MEM_REQ_BYTES is 2 GiB, but the cgroup allows this container 1 GiB$/,
    );
    assertFound(
      checkMemory(config, values, { ...machine, limitBytes: undefined, availableBytes: GiB }),
      /^warn: models may take 1\.05 GiB, 1 GiB are available now$/,
    );
    const unset = await configFor({ CONTAINER_MEM_REQ_BYTES: "" });
    const setBytes = Number(unset.values["container-memory"].value);
    const alone = { totalBytes: setBytes, availableBytes: setBytes, limitBytes: undefined };
    assertFound(
      checkMemory(unset.config, unset.values, alone),
      /^warn: models may take all of the machine's memory but \d/,
    );
    // The cgroup is there to say what the default has to be.
    const limited = { ...alone, limitBytes: setBytes };
    assertFound(checkMemory(unset.config, unset.values, limited), /^ok: /);
  });

  it("limits finds too few files and processes for what the settings allow", async () => {
    const { config } = await configFor({ ENGINE_HOSTS: "4", MAX_CONNECTIONS: "1000" });
    const limits = { openFiles: 65_536, processes: undefined, pids: undefined };
    assertFound(checkLimits(config, limits), /^ok: 65536 may/, /^ok: any number processes/);
    assertFound(
      checkLimits(config, { openFiles: 1024, processes: 4096, pids: 60 }),
      /^warn: 1024 may be open; 1000 connections and 6 hosts need 1224$/,
      /^warn: 60 processes and threads are allowed; 6 hosts need about 96$/,
    );
    assertFound(
      checkLimits(config, { openFiles: 100, processes: 20, pids: undefined }),
      /^fail: 100 /,
      /^fail: 20 /,
    );
    assert.deepEqual(checkLimits(config, undefined), []);
  });

  it("space finds folders that nobody can write to, and disks that are too small", async () => {
    const pulled = join(folder, "pulled");
    const sound = await configFor({ PULL_DIR: pulled });
    const [, temporary, shared] = await checkSpace(sound.config, folder);
    assertFound([temporary as Finding], /^ok: .* is writable$/);
    assertFound([shared as Finding], /^ok: .* for tensors that are sent to hosts$/);
    const broken = await configFor({ PULL_DIR: join(folder, "file", "pulled") });
    assertFound(
      await checkSpace(broken.config, join(folder, "file")),
      /^warn: models cannot be pulled to .*: .*\/file is not a directory$/,
      /^ok: /,
      /^warn: .*\/file cannot be written: .*\/file is not a directory$/,
    );
    const greedy = await configFor({ PULL_DIR: pulled, PULL_DISK_BYTES: String(2 ** 52) });
    const [first] = await checkSpace(greedy.config, folder);
    assertFound([first as Finding], /^warn: .*, --pull-disk-size allows 4 PiB$/);
    const none = await configFor({ PULL_TYPES: "none" });
    assert.equal((await checkSpace(none.config, folder)).length, 2);
  });

  it("model directories misses those that were asked for", async () => {
    const asked = await configFor({
      ROOT_MODEL_DIR: join(folder, "absent"),
      EXTRA_MODEL_DIRS: folder,
    });
    assertFound(
      await checkModelFolders(asked.config, asked.values),
      /^warn: .*\/absent does not exist$/,
      /^ok: .* can be read$/,
    );
    const repository = await configFor({ MODEL_REPOSITORY: join(folder, "file") });
    assertFound(
      (await checkModelFolders(repository.config, repository.values)).slice(0, 1),
      /^fail: .*\/file is not a directory$/,
    );
  });

  it("the engine says why it does not work", async () => {
    const ready = Promise.reject(new RuntimeError("engine-failed" as never, "no library"));
    ready.catch(() => {});
    const engine = { ready } as unknown as Engine;
    assertFound(await checkEngine(engine, "onnxruntime 1"), /^fail: onnxruntime 1: no library$/);
  });

  it("the clock finds one that is before the program", () => {
    const builtMs = Date.UTC(2026, 10, 23);
    assertFound(
      checkClock(0, builtMs),
      /^fail: the clock says 1970-01-01T00:00:00\.000Z, which is before/,
    );
    assertFound(checkClock(builtMs + 1, builtMs), /^ok: the clock says 2026-11-23/);
  });

  it("Node doubts lines without long support", () => {
    assertFound(checkNode("24.21.0"), /^ok: version 24\.21\.0$/);
    assertFound(checkNode("25.1.0"), /^warn: version 25\.1\.0 belongs to a release line/);
  });
});
