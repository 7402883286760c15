import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Browser } from "playwright-core";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { type DashboardPage, eventually, openDashboard } from "./dashboard-page.ts";
import { launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

const count = 2_000;

describe(`the dashboard, with ${count} models`, { skip: skipWithoutChromium }, () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let browser: Browser;
  let dashboard: DashboardPage;

  before(async () => {
    fake = await startFakeServer(cleanup);
    for (let index = 0; index < count; index++) {
      fake.watched.finishLoad(
        fake.watched.add(`model-${String(index).padStart(4, "0")}`),
        60 + index,
      );
    }
    browser = await launchChromium();
    dashboard = await openDashboard(browser, `http://localhost:${fake.address.port}/`);
  });

  after(() => browser?.close());

  it("has only the rows in its document that are in view", async () => {
    await dashboard.row("model-0000").waitFor();
    assert.ok((await dashboard.page.locator("[data-model]").count()) < 60);
    assert.equal(
      await dashboard.page.getByRole("table", { name: "Models" }).getAttribute("aria-rowcount"),
      `${count + 1}`,
    );
  });

  it("scrolls through all of them while they change, without long tasks", async (t) => {
    const { page } = dashboard;
    await page.evaluate(`
      window.tasks = [];
      window.frames = [];
      new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((entry) => entry.duration)))
        .observe({ type: "longtask" });
      let last = performance.now();
      requestAnimationFrame(function next(now) {
        window.frames.push(now - last);
        last = now;
        requestAnimationFrame(next);
      });`);
    let changed = 0;
    const changing = setInterval(() => {
      const record = fake.watched.add(`model-new-${changed++}`);
      fake.watched.finishLoad(record, 100);
    }, 100);
    await page.locator(".models-body").hover();
    for (let turn = 0; turn < 60; turn++) {
      await page.mouse.wheel(0, 1_200);
      await page.waitForTimeout(16);
    }
    clearInterval(changing);
    await page
      .locator(".models-body")
      .evaluate("(body) => { body.scrollTop = body.scrollHeight; }");
    await eventually(
      async () =>
        (await dashboard.row(`model-new-${changed - 1}`).count()) > 0 ||
        (await dashboard.row("model-new-0").count()) > 0,
      true,
    );
    const { tasks, frames } = (await page.evaluate("({ tasks, frames })")) as Record<
      "tasks" | "frames",
      number[]
    >;
    frames.sort((a, b) => a - b);
    const at = (share: number) => Math.round(frames[Math.floor(share * (frames.length - 1))] ?? 0);
    t.diagnostic(`frames: median ${at(0.5)} ms, p95 ${at(0.95)} ms of ${frames.length}`);
    t.diagnostic(
      `tasks of 50 ms or more: ${tasks.length}, longest ${Math.round(Math.max(0, ...tasks))} ms`,
    );
  });

  it("filters them while they are typed", async () => {
    await dashboard.page.getByLabel("Filter models").fill("1234");
    await eventually(
      () => dashboard.page.locator(".models-body .cell-name").allTextContents(),
      ["model-1234"],
    );
  });

  it("makes the browser complain of nothing", () => {
    assert.deepEqual(dashboard.complaints, []);
  });
});
