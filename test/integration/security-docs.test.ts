import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { accessSettings } from "../../src/config/access-settings.ts";
import { tlsSettings } from "../../src/config/tls-settings.ts";
import { assertPrints, markdownExamples } from "../support/docs/markdown-examples.ts";
import { suiteCleanup } from "../support/fakes/fake-server.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);

describe("docs/security.md", async () => {
  const cleanup = suiteCleanup();
  const page = await readFile(join(projectRoot, "docs/security.md"), "utf8");
  const examples = markdownExamples(page);
  let folder: string;
  let served: Served;

  /** In a folder of its own, as the page says. */
  async function shell(command: string, port = 0): Promise<string> {
    const here = command.replaceAll("localhost:8085", `localhost:${port}`);
    const path = [folder, process.env["PATH"]].join(delimiter);
    const env = { ...process.env, PATH: path };
    return (await run("bash", ["-ec", here], { cwd: folder, env })).stdout;
  }

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-secure-"));
    cleanup.after(() => rm(folder, { recursive: true, force: true }));
    await symlink(join(projectRoot, "src/modelport.js"), join(folder, "modelport"));
    await symlink(process.execPath, join(folder, "node"));
    const [, making = ""] = /^```sh\n(openssl req .*?)^```$/ms.exec(page) ?? [];
    await shell(making);
    const [, flags = ""] = /^\$ modelport serve (--model-repository.*?)^```$/ms.exec(page) ?? [];
    const words = flags.replaceAll("\\\n", " ").trim().split(/\s+/);
    const files = /\.(crt|key|token)$/;
    served = await startServed(words.map((word) => (files.test(word) ? join(folder, word) : word)));
    cleanup.after(async () => void (await served.stop("SIGKILL")));
    await waitFor(() => served.output().includes("Modelport serves 5 models"));
  });

  it("has examples, and every setting for TLS and access", () => {
    assert.equal(examples.length, 4);
    for (const { env } of Object.values({ ...tlsSettings, ...accessSettings })) {
      assert.ok(page.includes(`\`${env}`), env);
    }
  });

  for (const example of examples) {
    it(`is right about: ${example.command.split("\n")[0]}`, async () => {
      assertPrints(await shell(example.command, served.port), example);
    });
  }
});
