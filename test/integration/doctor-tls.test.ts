import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type Config, loadConfig } from "../../src/config/config.ts";
import { checkAccess } from "../../src/doctor/check-access.ts";
import { checkTls } from "../../src/doctor/check-tls.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { suiteCleanup } from "../support/fakes/fake-server.ts";
import { type KeyPair, TestAuthority } from "../support/servers/certificates.ts";

const dayMs = 86_400_000;

async function configFor(env: Record<string, string>): Promise<Config> {
  const { config, problems } = await loadConfig([], env);
  assert.ok(config, problems.join("\n"));
  return config;
}

function assertFound(findings: readonly Finding[], ...expected: RegExp[]): void {
  const found = findings.map(({ level, message }) => `${level}: ${message}`);
  assert.equal(found.length, expected.length, found.join("\n"));
  for (const [at, line] of expected.entries()) assert.match(found[at] ?? "", line);
  for (const { level, advice, message } of findings) {
    assert.equal(advice === undefined, level === "ok", message);
  }
}

describe("the doctor's look at TLS", () => {
  const cleanup = suiteCleanup();
  let authority: TestAuthority;
  let pair: KeyPair;
  before(async () => {
    authority = await TestAuthority.create(cleanup);
    pair = await authority.issue({ commonName: "server", names: ["DNS:localhost"], days: 60 });
  });

  const look = async (
    { cert, key }: KeyPair,
    env: Record<string, string> = {},
    nowMs = Date.now(),
  ) => checkTls(await configFor({ TLS_CERT_PATH: cert, TLS_KEY_PATH: key, ...env }), nowMs);

  it("says nothing where it is off", async () => {
    assert.deepEqual(await checkTls(await configFor({}), Date.now()), []);
  });

  it("tells until when the certificate holds, and warns two weeks before", async () => {
    assertFound(await look(pair), /^ok: the certificate is valid until \d{4}-\d\d-\d\d$/);
    assertFound(
      await look(pair, {}, Date.now() + 50 * dayMs),
      /^warn: the certificate is valid until/,
    );
    assertFound(await look(pair, {}, Date.now() + 61 * dayMs), /^fail: the certificate expired on/);
    assertFound(
      await look(pair, {}, Date.now() - 2 * dayMs),
      /^fail: the certificate is not valid before/,
    );
  });

  it("misses files, and a key that belongs to another certificate", async () => {
    const other = await authority.issue({ commonName: "other", names: ["DNS:localhost"] });
    assertFound(await look({ ...pair, key: "/no/such/key" }), /^fail: ENOENT.*\/no\/such\/key/);
    assertFound(
      await look({ cert: pair.cert, key: other.key }),
      /^fail: .* cannot be used: the key does not belong to the certificate$/,
    );
    const noKey = { cert: pair.cert, key: pair.cert };
    assertFound(await look(noKey), /^fail: .* cannot be used: /);
  });

  it("finds names that the certificate is not for", async () => {
    assertFound(
      await look(pair, { ALLOWED_HOSTS: "models.example.com" }),
      /^ok: /,
      /^warn: the certificate is not for models\.example\.com \(DNS:localhost\)$/,
    );
    const nameless = await authority.issue({ commonName: "localhost", days: 60 });
    assertFound(await look(nameless), /^ok: /, /^fail: the certificate has no subjectAltName/);
  });
});

describe("the doctor's look at access", () => {
  const cleanup = suiteCleanup();
  let authority: TestAuthority;
  before(async () => {
    authority = await TestAuthority.create(cleanup);
  });

  it("reads the tokens", async () => {
    const path = join(authority.folder, "tokens");
    const look = async () => checkAccess(await configFor({ LIFECYCLE_TOKENS_PATH: path }));
    await writeFile(path, "0123456789abcdef0123456789abcdef\n");
    assertFound(await look(), /^ok: the tokens can be read$/);
    await writeFile(path, "short\n");
    assertFound(await look(), /^fail: /);
    await rm(path);
    assertFound(await look(), /^fail: .*tokens/);
  });

  it("warns of a port that others reach without TLS, or may take models down by", async () => {
    assertFound(await checkAccess(await configFor({ LIFECYCLE_ACCESS: "any" })));
    assertFound(
      await checkAccess(await configFor({ LISTEN_HOST: "0.0.0.0", LIFECYCLE_ACCESS: "any" })),
      /^warn: any client that can reach 0\.0\.0\.0 may load and unload models$/,
      /^warn: calls from other machines to 0\.0\.0\.0 are not encrypted$/,
    );
  });
});
