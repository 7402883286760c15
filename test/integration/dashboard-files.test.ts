import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { buildDashboard } from "../../scripts/dashboard-bundle.ts";
import { exchange } from "../support/clients/raw-http.ts";
import { startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { projectRoot } from "../support/servers/served.ts";

const browser = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

describe("the files of the dashboard", () => {
  const cleanup = suiteCleanup();
  let folder: string;
  let url: string;
  let port: number;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "modelport-dashboard-"));
    await buildDashboard(projectRoot, join(folder, "built"));
    const { address } = await startFakeServer(cleanup, { dashboardFolder: join(folder, "built") });
    port = address.port;
    url = `http://localhost:${port}`;
  });

  after(() => rm(folder, { recursive: true, force: true }));

  const pageHtml = async () => (await fetch(url, { headers: browser })).text();
  const assets = async () => {
    const manifest = JSON.parse(await readFile(join(folder, "built/manifest.json"), "utf8")) as {
      assets: { name: string }[];
    };
    return manifest.assets.map(({ name }) => `${url}/dashboard/${name}`);
  };

  it("are the page for browsers, and JSON for everybody else", async () => {
    const page = await fetch(url, { headers: browser });
    assert.match(page.headers.get("content-type") ?? "", /^text\/html/);
    assert.match(page.headers.get("vary") ?? "", /accept/);
    for (const accept of ["*/*", "application/json", "text/plain"]) {
      const other = await fetch(url, { headers: { accept } });
      assert.equal(((await other.json()) as { name: string }).name, "modelport");
      assert.match(other.headers.get("vary") ?? "", /accept/);
    }
  });

  it("name nothing beyond this server", async () => {
    const html = await pageHtml();
    const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(
      ([, address = ""]) => address,
    );
    assert.ok(addresses.length >= 3);
    for (const address of addresses) assert.match(address, /^(data:|#|dashboard\/|v2\/)/);
  });

  it("are named early in the page if its first sight takes them, and only then", async () => {
    const early = [...(await pageHtml()).matchAll(/(?:src|href)="(dashboard\/[^"]+)"/g)].map(
      ([, path]) => `${url}/${path}`,
    );
    const all = await assets();
    for (const address of early) assert.ok(all.includes(address), address);
    const late = all.filter((address) => !early.includes(address));
    const parts = (addresses: readonly string[]) =>
      addresses.map((address) => /\/([\w-]+)-\w+\.js$/.exec(address)?.[1]);
    for (const part of ["main", "show-page"]) assert.ok(parts(early).includes(part), part);
    for (const part of ["line-canvas", "model-page"]) assert.ok(parts(late).includes(part), part);
    // What an early script imports, the browser would otherwise find out when it has read that script.
    for (const address of early) {
      const script = await (await fetch(address)).text();
      for (const [, name] of script.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) {
        assert.ok(early.includes(`${url}/dashboard/${name}`), `${name} is not named in the page`);
      }
    }
  });

  it("are kept forever if their name is a hash of them, and the page is not", async () => {
    const page = await fetch(url, { headers: browser });
    assert.equal(page.headers.get("cache-control"), "no-cache");
    const found = await assets();
    assert.ok(found.length > 2);
    for (const asset of found) {
      const { headers } = await fetch(asset);
      assert.equal(headers.get("cache-control"), "public, max-age=31536000, immutable");
    }
    const tag = page.headers.get("etag") ?? "";
    const again = await fetch(url, { headers: { ...browser, "if-none-match": tag } });
    assert.equal(again.status, 304);
  });

  it("carry a policy that allows this server alone, and no other guesses", async () => {
    for (const address of [url, ...(await assets())]) {
      const { headers } = await fetch(address, { headers: browser });
      const policy = headers.get("content-security-policy") ?? "";
      for (const part of [
        "default-src 'none'",
        "script-src 'self'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'none'",
      ]) {
        assert.ok(policy.split("; ").includes(part), `${part} is not in ${policy}`);
      }
      assert.doesNotMatch(policy, /unsafe|https?:|\*/);
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
    }
  });

  it("hold one style sheet, in the page, which its policy allows by its hash", async () => {
    const html = await pageHtml();
    assert.doesNotMatch(html, /rel="stylesheet"|style="|<script(?![^>]* src=)/);
    const sheets = [...html.matchAll(/<style>(.*?)<\/style>/gs)].map(([, text = ""]) => text);
    assert.equal(sheets.length, 1);
    const hash = createHash("sha256")
      .update(sheets[0] ?? "")
      .digest("base64");
    const policyOf = async (address: string) => {
      const { headers } = await fetch(address, { headers: browser });
      return (headers.get("content-security-policy") ?? "").split("; ");
    };
    assert.ok((await policyOf(url)).includes(`style-src 'self' 'sha256-${hash}'`));
    for (const address of [...(await assets()), `${url}/v2/docs`]) {
      assert.ok((await policyOf(address)).includes("style-src 'self'"), address);
    }
  });

  it("are the same in every form of compression", async () => {
    const [asset = ""] = await assets();
    const name = asset.slice(asset.lastIndexOf("/") + 1);
    const plain = await readFile(join(folder, "built", name));
    assert.deepEqual(gunzipSync(await readFile(join(folder, "built", `${name}.gz`))), plain);
    assert.deepEqual(
      brotliDecompressSync(await readFile(join(folder, "built", `${name}.br`))),
      plain,
    );
    for (const [accepted, sent] of [
      ["gzip, deflate, br", "br"],
      ["gzip, deflate", "gzip"],
      ["br;q=0, gzip;q=0.5", "gzip"],
      ["identity", null],
    ] as const) {
      const answer = await fetch(asset, { headers: { "accept-encoding": accepted } });
      assert.equal(answer.headers.get("content-encoding"), sent, accepted);
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), plain);
    }
  });

  it("take less than 150 kB, compressed as over plain HTTP", async () => {
    let bytes = 0;
    for (const address of [url, ...(await assets())]) {
      const { headers } = await fetch(address, {
        headers: { ...browser, "accept-encoding": "gzip" },
      });
      bytes += Number(headers.get("content-length"));
    }
    assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
  });

  it("are found by name alone, never by path", async () => {
    for (const path of ["manifest.json", "index.html", "..%2f..%2fpackage.json", "app.js", "%00"]) {
      const answer = await exchange(
        port,
        `GET /dashboard/${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
      );
      assert.match(answer, /^HTTP\/1\.1 404 /, path);
    }
  });

  it("may be missing: the page then says what to run, until it has been run", async (t) => {
    const late = join(folder, "late");
    const { address } = await startFakeServer(t, { dashboardFolder: late });
    const there = `http://localhost:${address.port}`;
    const before = await fetch(there, { headers: browser });
    assert.equal(before.status, 503);
    assert.match(await before.text(), /npm run build:dashboard/);
    await cp(join(folder, "built"), late, { recursive: true });
    assert.equal((await fetch(there, { headers: browser })).status, 200);
  });
});
