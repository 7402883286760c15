import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { promisify } from "node:util";
import { exitCodes } from "../../src/cli/exit-code.ts";
import { runCli } from "../support/clients/run-cli.ts";
import { suiteCleanup } from "../support/fakes/fake-server.ts";
import { type KeyPair, TestAuthority } from "../support/servers/certificates.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";

const run = promisify(execFile);
const token = "lifecycle-0123456789abcdef";

describe("in the environment of a runtime with TLS", { timeout: 300_000 }, () => {
  const cleanup = suiteCleanup();
  let authority: TestAuthority;
  let other: KeyPair;
  let tokens: string;
  let served: Served;
  let environment: Record<string, string>;

  before(async () => {
    authority = await TestAuthority.create(cleanup);
    // As issued by a real authority: the name is that of the service, not localhost.
    const names = ["DNS:modelport.models.svc"];
    const own = await authority.issue({ commonName: "server", names });
    other = await authority.issue({ commonName: "server", names });
    tokens = join(authority.folder, "tokens");
    await writeFile(tokens, `${token}\n`);
    served = await startServed([
      ...["--model-repository", "examples/models"],
      ...["--tls-cert", own.cert, "--tls-key", own.key],
      ...["--lifecycle-access", "authenticated", "--lifecycle-tokens", tokens],
    ]);
    cleanup.after(async () => void (await served.stop("SIGKILL")));
    await waitFor(() => served.output().includes("Modelport serves 5 models"));
    environment = { TLS_CERT_PATH: own.cert, ADAPTER_PORT: String(served.port) };
  });

  it("probes and commands find it, and believe its very certificate only", async () => {
    const probe = await runCli(["probe", "--wait", "20"], { env: environment });
    assert.deepEqual(probe, { status: exitCodes.ok, stdout: "ok\n", stderr: "" });
    assert.equal((await runCli(["status"], { env: environment })).status, exitCodes.ok);
    const env = { ...environment, TLS_CERT_PATH: other.cert };
    for (const command of ["probe", "status"]) {
      const result = await runCli([command], { env });
      assert.equal(result.status, exitCodes.unreachable, result.stderr);
    }
  });

  it("commands show a token, and are told what they need if they do not", async () => {
    const without = await runCli(["unload", "iris"], { env: environment });
    assert.equal(without.status, exitCodes.failed);
    assert.match(without.stderr, /needs a token .*\n {2}authenticate with --token-file/);
    const env = { ...environment, MODELPORT_TOKEN_FILE: tokens };
    const result = await runCli(["unload", "iris"], { env });
    assert.equal(result.status, exitCodes.ok, result.stderr);
  });

  it("the probe of the container finds it too", async () => {
    const health = (env: Record<string, string>, ...args: string[]) =>
      run(process.execPath, ["deploy/health.js", ...args], { cwd: projectRoot, env });
    await health(environment, "ready", "20");
    await health(environment, "live");
    const { TLS_CERT_PATH: _, ...plaintext } = environment;
    await assert.rejects(health(plaintext, "live"), { code: 1 });
  });
});
