import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import type { Served } from "../support/servers/served.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

const LIMIT_MS = 60_000;

describe("the page at /v2/docs, in a browser", { skip: skipWithoutChromium }, () => {
  let served: Served;
  let browser: Browser;
  let page: Page;
  /** What the browser complains of: policy violations, failed scripts, files that are missing. */
  const complaints: string[] = [];
  const origins = new Set<string>();

  before(async () => {
    served = await startExampleModels();
    browser = await launchChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(LIMIT_MS);
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("request", (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== "data:") origins.add(origin);
    });
    await page.goto(`http://localhost:${served.port}/v2/docs`);
    await page.waitForSelector(".opblock");
  });

  after(async () => {
    await browser?.close();
    await served?.stop();
  });

  afterEach((context) => keepPictureOfFailure(context, page, "docs-page"));

  it("shows the paths of the models that are loaded", async () => {
    const paths = await page.locator(".opblock-summary-path").allTextContents();
    // The library puts invisible places for line breaks before slashes.
    const visible = paths.map((path) => path.replace(/\u200b/g, ""));
    for (const path of ["/v2/models/iris/infer", "/v2/models/digits", "/v2/health/ready"]) {
      assert.ok(visible.includes(path), `${path} is not among ${visible}`);
    }
  });

  it("sends the example of a model, and shows what the model answers", async () => {
    const operation = page
      .locator(".opblock-post")
      .filter({ has: page.locator('[data-path="/v2/models/iris/infer"]') });
    await operation.locator(".opblock-summary-control").click();
    await operation.locator(".try-out__btn").click();
    await operation.locator(".execute").click();
    const live = operation.locator(".live-responses-table .response");
    await live.first().waitFor();
    const shown = async (part: string) => (await live.locator(part).first().textContent()) ?? "";
    assert.equal((await shown(".response-col_status")).trim(), "200");
    assert.match(await shown(".highlight-code"), /"model_name": "iris"/);
  });

  it("asks nobody but its own server, and breaks no rule of its policy", () => {
    assert.deepEqual([...origins], [`http://localhost:${served.port}`]);
    assert.deepEqual(complaints, []);
  });
});
