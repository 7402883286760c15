import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { freePort } from "../support/servers/free-ports.ts";
import { projectRoot, type Served, startServed } from "../support/servers/served.ts";
import { eventually } from "./dashboard-page.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

const commands = [
  ...readFileSync(join(projectRoot, "docs/dashboard.md"), "utf8").matchAll(
    /^(npm start -- --cors-origins .*|npx esbuild examples\/dashboard\/.*)$/gm,
  ),
].map(([command]) => command);

describe("a dashboard of another origin", { skip: skipWithoutChromium }, () => {
  let allowing: Served;
  let strict: Served;
  let pages: ChildProcess;
  let browser: Browser;
  let page: Page;
  let origin: string;
  const logged: Record<string, unknown>[] = [];

  before(async () => {
    const pagePort = await freePort();
    origin = `http://localhost:${pagePort}`;
    const [start = "", bundle = ""] = commands;
    assert.equal(commands.length, 2, "the page on dashboards names the two commands");
    const [, flags = ""] = start
      .replaceAll("localhost:3000", `localhost:${pagePort}`)
      .split(" -- ");
    const models = ["--model-repository", "examples/models"];
    [allowing, strict] = await Promise.all([
      startServed([...flags.split(" "), ...models]),
      startServed(models, { logged: (line) => logged.push(line) }),
    ]);
    const [, program = "", ...words] = bundle
      .replace("localhost:3000", `localhost:${pagePort}`)
      .split(" ");
    pages = spawn(join(projectRoot, "node_modules/.bin", program), words, {
      cwd: projectRoot,
      // It ends when its input does, unless that is not there from the start.
      stdio: ["pipe", "ignore", "pipe"],
    });
    await untilAnswers(pagePort);
    browser = await launchChromium();
    page = await browser.newPage();
  });

  after(async () => {
    await browser?.close();
    if (pages !== undefined && pages.exitCode === null) {
      const ended = once(pages, "exit");
      pages.kill();
      await ended;
    }
    await Promise.all([allowing?.stop(), strict?.stop()]);
  });

  afterEach((context) => keepPictureOfFailure(context, page, "example-dashboard"));

  it("is less than 100 lines", () => {
    const source = readFileSync(join(projectRoot, "examples/dashboard/page.ts"), "utf8");
    assert.ok(source.split("\n").length < 100);
  });

  it("works where its origin is allowed", async () => {
    await page.goto(`${origin}/?server=http://localhost:${allowing.port}`);
    await eventually(() => page.locator("#status").textContent(), "live");
    await eventually(
      async () => (await page.locator("#models td:first-child").allTextContents()).sort(),
      ["digits", "iris", "sentences", "tumours", "wine"],
    );
  });

  it("fails where it is not, and says what may be wrong; the log of the server says what is", async () => {
    await page.goto(`${origin}/?server=http://localhost:${strict.port}`);
    const status = page.locator("#status");
    await eventually(
      async () => ((await status.textContent()) ?? "").includes(`--cors-origins ${origin}`),
      true,
    );
    assert.equal(await page.locator("#models td").count(), 0);
    const line = logged.find(({ msg }) => msg === "call failed");
    assert.equal(line?.["origin"], origin);
    assert.match(
      String(line?.["reason"]),
      /may not call this server: add the origin to CORS_ORIGINS$/,
    );
  });
});

async function untilAnswers(port: number): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      if ((await fetch(`http://localhost:${port}/`)).ok) return;
    } catch (error) {
      if (tries > 200) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
