import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { type DashboardPage, eventually, openDashboard } from "./dashboard-page.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

describe("the dashboard, when its server goes away", { skip: skipWithoutChromium }, () => {
  let served: Served;
  let browser: Browser;
  let dashboard: DashboardPage;

  before(async () => {
    served = await startExampleModels();
    browser = await launchChromium();
    dashboard = await openDashboard(browser, `http://localhost:${served.port}/`);
  });

  after(async () => {
    await browser?.close();
    await served?.stop();
  });

  afterEach((context) => keepPictureOfFailure(context, dashboard.page, "dashboard-reconnect"));

  const pill = () => dashboard.page.locator("[data-connection]").textContent();

  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    it(`says so, and recovers without being loaded again, after ${signal}`, async () => {
      const { page } = dashboard;
      await dashboard.row("digits").waitFor();
      const loadedAt = await page.evaluate("performance.timeOrigin");
      const { port } = served;
      await served.stop(signal);
      await eventually(pill, "Disconnected");
      await page.getByText("Not connected to Modelport.").waitFor();
      await page.getByText(/These figures are from \d\d:\d\d:\d\d\./).waitFor();
      // What was known stays in view.
      assert.equal(await dashboard.row("digits").count(), 1);
      served = await startServed(["--model-repository", "examples/models", "--port", `${port}`]);
      await eventually(pill, "Live");
      await eventually(() => page.getByText("Not connected to Modelport.").count(), 0);
      await eventually(
        () => dashboard.row("digits").locator(".state").allTextContents(),
        ["ready"],
      );
      assert.equal(await page.evaluate("performance.timeOrigin"), loadedAt);
    });
  }

  it("shows a model's page all the same, which came before", async () => {
    const { page } = dashboard;
    const cameWith = `performance.getEntriesByType("resource")
      .some(({ name, responseStatus }) => /model-page-/.test(name) && responseStatus === 200)`;
    await eventually(() => page.evaluate(cameWith), true);
    await served.stop();
    await eventually(pill, "Disconnected");
    await dashboard.row("digits").getByRole("link").click();
    await eventually(() => page.locator("h1").textContent(), "digits");
    await page.getByRole("heading", { name: "History" }).waitFor();
  });

  it("breaks nothing else in the page", () => {
    // The browser itself writes down that it found no server; what a script does wrong is another matter.
    const others = dashboard.complaints.filter(
      (text) => !/^Failed to load resource: net::/.test(text),
    );
    assert.deepEqual(others, []);
  });
});

describe("the dashboard, when a part of it is gone from the server", {
  skip: skipWithoutChromium,
}, () => {
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

  it("says so, keeps the rest alive, and loads itself again when asked", async () => {
    const page = await browser.newPage();
    const part = "**/dashboard/model-page-*.js";
    await page.route(part, (route) => route.fulfill({ status: 404 }));
    await page.goto(`http://localhost:${served.port}/#/models/digits`);
    const again = page.getByRole("button", { name: "Reload the page" });
    await again.waitFor();
    await eventually(() => page.locator("[data-connection]").textContent(), "Live");
    await page.unroute(part);
    await again.click();
    await page.getByRole("button", { name: "Run", exact: true }).waitFor();
  });
});
