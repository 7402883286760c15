import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import type { Served } from "../support/servers/served.ts";
import { type DashboardPage, eventually, openDashboard } from "./dashboard-page.ts";
import { otherCaller } from "./dashboard-traffic.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";
import { visitDashboard } from "./visit-dashboard.ts";

describe("the dashboard, against the served examples", { skip: skipWithoutChromium }, () => {
  let served: Served;
  let browser: Browser;
  let dashboard: DashboardPage;
  let page: Page;

  before(async () => {
    served = await startExampleModels();
    browser = await launchChromium();
    dashboard = await openDashboard(browser, `http://localhost:${served.port}/`);
    page = dashboard.page;
  });

  after(async () => {
    await browser?.close();
    await served?.stop();
  });

  afterEach((context) => keepPictureOfFailure(context, page, "dashboard"));

  const state = async (model: string) => dashboard.row(model).locator(".state").allTextContents();

  it("shows the example models as soon as it is open", async (t) => {
    const { contextMs, firstPaintMs, modelsMs } = await visitDashboard(browser, dashboard.url, [
      "digits",
      "iris",
    ]);
    t.diagnostic(`first contentful paint after ${Math.round(firstPaintMs)} ms`);
    t.diagnostic(`models shown after ${Math.round(modelsMs)} ms`);
    t.diagnostic(`a new browser context before that: ${Math.round(contextMs)} ms`);
    assert.ok(firstPaintMs > 0 && firstPaintMs <= modelsMs);
  });

  it("shows its frame before any script runs, and nothing of it moves after", async () => {
    const viewport = { width: 1280, height: 900 };
    const still = await browser.newContext({ viewport, javaScriptEnabled: false });
    const frame = await still.newPage();
    await frame.goto(dashboard.url);
    const boxOf = async (of: Page, part: string) => {
      const box = await of.locator(part).first().boundingBox();
      assert.ok(box !== null, part);
      return box;
    };
    for (const part of [".head", ".brand"]) {
      assert.deepEqual(await boxOf(frame, part), await boxOf(page, part), part);
    }
    // As wide as its word; it ends at the same place.
    const pillOf = async (of: Page) => {
      const { x, y, width, height } = await boxOf(of, ".pill");
      return { end: Math.round(x + width), y, height };
    };
    assert.deepEqual(await pillOf(frame), await pillOf(page));
    for (const at of [0, 1, 2]) {
      const part = `main > .card >> nth=${at}`;
      const [before, after] = [await boxOf(frame, part), await boxOf(page, part)];
      assert.deepEqual([before.x, before.width], [after.x, after.width], part);
      // As high as its text, which depends on the fonts of the machine.
      for (const side of ["y", "height"] as const) {
        assert.ok(
          Math.abs(before[side] - after[side]) < 16,
          `${part}: ${side} ${before[side]} -> ${after[side]}`,
        );
      }
    }
    await still.close();
  });

  it("shows what another process loads and unloads, without being loaded again", async () => {
    const { runtime } = otherCaller(served.port);
    const loadedAt = await page.evaluate("performance.timeOrigin");
    await runtime.loadModel({ modelId: "from-afar", modelPath: "digits/model.onnx" });
    await eventually(() => state("from-afar"), ["ready"]);
    assert.match((await dashboard.row("from-afar").textContent()) ?? "", /\d [KM]iB/);
    await runtime.unloadModel({ modelId: "from-afar" });
    await eventually(() => dashboard.row("from-afar").count(), 0);
    const events = page.locator(".events li");
    await eventually(
      async () => /unloaded.*from-afar/.test((await events.first().textContent()) ?? ""),
      true,
    );
    assert.equal(await page.evaluate("performance.timeOrigin"), loadedAt);
  });

  it("shows why a load failed", async () => {
    const { runtime } = otherCaller(served.port);
    await assert.rejects(runtime.loadModel({ modelId: "lost", modelPath: "no-such-file.onnx" }));
    await page.getByText("'no-such-file.onnx' does not exist").first().waitFor();
  });

  it("filters by name and state, and sorts by every column", async () => {
    const names = async () => page.locator(".models-body .cell-name").allTextContents();
    const filter = page.getByLabel("Filter models");
    await filter.fill("ready dig");
    await eventually(names, ["digits"]);
    await filter.fill("nothing like it");
    await page.getByText("No model matches the filter.").waitFor();
    await filter.fill("ready");
    await eventually(names, ["digits", "iris v1", "sentences", "tumours", "wine"]);
    const head = (name: string) => page.getByRole("columnheader", { name });
    await head("Size").getByRole("button").click();
    assert.equal(await head("Size").getAttribute("aria-sort"), "descending");
    // Those between are of almost the same size.
    const farthest = async () => [(await names()).at(0), (await names()).at(-1)];
    await eventually(farthest, ["sentences", "iris v1"]);
    await head("Size").getByRole("button").click();
    await eventually(farthest, ["iris v1", "sentences"]);
    await head("Model").getByRole("button").click();
    await filter.fill("");
  });

  it("unloads and loads a model of the repository", async () => {
    await dashboard.row("digits").getByRole("link").click();
    await page.getByRole("button", { name: "Unload …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep" }).click();
    await page.getByRole("button", { name: "Unload …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Unload" }).click();
    const shown = page.locator(".title .state");
    await eventually(() => shown.textContent(), "not loaded");
    await page.getByRole("button", { name: "Load", exact: true }).click();
    await eventually(() => shown.textContent(), "ready");
    await page.getByRole("link", { name: "All models" }).click();
    await eventually(() => state("digits"), ["ready"]);
  });

  it("loads a model from a path, says why that fails, and unloads it", async () => {
    await page.getByRole("button", { name: "Load a model …" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Id").fill("by-hand");
    await dialog.getByLabel("Path").fill("nowhere.onnx");
    await dialog.getByRole("button", { name: "Load" }).click();
    await eventually(
      async () => dialog.getByRole("alert").textContent(),
      "model path 'nowhere.onnx' does not exist",
    );
    await dialog.getByLabel("Path").fill("digits/model.onnx");
    await dialog.getByRole("button", { name: "Load" }).click();
    await eventually(() => dialog.count(), 0);
    await eventually(async () => (await state("by-hand")).includes("ready"), true);
    await dashboard.row("by-hand").getByRole("link").last().click();
    await page.getByRole("button", { name: "Unload …" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Unload" }).click();
    await page.getByText("This model is not loaded").waitFor();
    await page.goBack();
  });

  it("can be used by the keyboard alone", async () => {
    await page.goto(dashboard.url);
    await dashboard.row("iris").waitFor();
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.textContent"), "Skip to content");
    await page.keyboard.press("Enter");
    const focus = async () => String(await page.evaluate("document.activeElement.textContent"));
    for (let tabs = 0; tabs < 40 && (await focus()) !== "digits"; tabs++) {
      await page.keyboard.press("Tab");
    }
    // The legend of the memory has links too; the table is where the arrows work.
    while (!(await page.evaluate("'row' in document.activeElement.dataset"))) {
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await eventually(focus, "iris v1");
    await page.keyboard.press("Enter");
    await eventually(() => page.locator("h1").textContent(), "iris version 1");
  });

  it("talks gRPC-Web and asks for static files, and nothing else, of its own server", () => {
    assert.ok(dashboard.requests.length > 5);
    for (const request of dashboard.requests) {
      const url = new URL(request.url());
      if (url.protocol === "data:") continue;
      assert.equal(url.origin, `http://localhost:${served.port}`);
      const isStatic =
        request.method() === "GET" && /^\/(dashboard\/[\w-]+\.js)?$/.test(url.pathname);
      const type = request.headers()["content-type"] ?? "";
      const isGrpcWeb = request.method() === "POST" && type === "application/grpc-web+proto";
      assert.ok(isStatic || isGrpcWeb, `${request.method()} ${request.url()} ${type}`);
    }
  });

  it("makes the browser complain of nothing", () => {
    assert.deepEqual(dashboard.complaints, []);
  });
});
