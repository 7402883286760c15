import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { after, before, describe, it } from "node:test";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { type DashboardPage, openDashboard } from "./dashboard-page.ts";
import { launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

const outside = Object.values(networkInterfaces())
  .flatMap((addresses) => addresses ?? [])
  .find(({ family, internal }) => family === "IPv4" && !internal)?.address;

describe("the dashboard, for a caller who may not load and unload", {
  skip: skipWithoutChromium || (outside === undefined && "this machine has only loopback"),
}, () => {
  let served: Served;
  let browser: Browser;
  let dashboard: DashboardPage;

  before(async () => {
    served = await startServed(["--model-repository", "examples/models", "--host", "0.0.0.0"]);
    browser = await launchChromium();
    dashboard = await openDashboard(browser, `http://${outside}:${served.port}/`);
    await dashboard.row("digits").waitFor();
  });

  after(async () => {
    await browser?.close();
    await served?.stop();
  });

  it("shows everything but the buttons", async () => {
    const { page } = dashboard;
    // "Load" alone is the head of a column here.
    assert.equal(await page.getByRole("button", { name: /load .*…/i }).count(), 0);
    await dashboard.row("digits").getByRole("link").click();
    await page.getByRole("button", { name: "Run", exact: true }).waitFor();
    assert.equal(await page.getByRole("button", { name: /load/i }).count(), 0);
    await page.getByText("LIFECYCLE_ACCESS").waitFor();
  });

  it("cannot unload by asking the server past the page either", async () => {
    const answer = await dashboard.page.evaluate(`
      fetch("/mmesh.ModelRuntime/unloadModel", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ modelId: "digits" }),
      }).then(async (response) => [response.status, (await response.json()).code])`);
    assert.deepEqual(answer, [403, "permission_denied"]);
  });
});

const looks: readonly (readonly [string, BrowserContextOptions])[] = [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["at phone width", { viewport: { width: 390, height: 844 } }],
];

describe("the dashboard, to axe", { skip: skipWithoutChromium }, () => {
  let served: Served;
  let browser: Browser;

  before(async () => {
    served = await startExampleModels();
    browser = await launchChromium();
  });

  after(async () => {
    await browser?.close();
    await served?.stop();
  });

  for (const [name, options] of looks) {
    it(`has nothing serious to find, ${name}`, async () => {
      const url = `http://localhost:${served.port}/`;
      const overview = await openDashboard(browser, url, options);
      await overview.row("digits").waitFor();
      assert.deepEqual(await overview.audit(), []);
      await overview.page.getByRole("button", { name: "Load a model …" }).click();
      assert.deepEqual(await overview.audit(), []);
      const width = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      assert.equal(await overview.page.evaluate(width), 0, "nothing sticks out at the side");
      await overview.close();
      const model = await openDashboard(browser, `${url}#/models/digits`, options);
      await model.page.getByRole("button", { name: "Run", exact: true }).click();
      await model.page.locator("[data-output=label]").waitFor();
      assert.deepEqual(await model.audit(), []);
      assert.equal(await model.page.evaluate(width), 0, "nothing sticks out at the side");
      await model.close();
    });
  }
});
