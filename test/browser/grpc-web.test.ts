import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { type Served, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";
import { buildPage } from "./build-page.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

const examples = join(import.meta.dirname, "../../examples");
const expected = JSON.parse(
  readFileSync(join(examples, "requests/expected.json"), "utf8"),
) as Record<string, { readonly label: readonly number[] }>;
const LIMIT_MS = 60_000;

describe("gRPC-Web from a browser, against the served examples", {
  skip: skipWithoutChromium,
}, () => {
  let runtime: Served;
  let browser: Browser;
  let page: Page;

  before(async () => {
    runtime = await startServed(["--model-repository", join(examples, "models")]);
    await waitFor(() => runtime.output().includes("Modelport serves"), LIMIT_MS);
    browser = await launchChromium();
    page = await browser.newPage();
  });

  after(async () => {
    await browser?.close();
    await runtime?.stop();
  });

  afterEach((context) => keepPictureOfFailure(context, page, "grpc-web"));

  /** Opens the page, unless it is open, with an example's request, and waits for all its calls. */
  async function open(requestFile: string): Promise<void> {
    const url = `http://localhost:${runtime.port}/grpc-web.html?${requestFile}`;
    if (page.url() === url) return;
    const request = readFileSync(join(examples, "requests", requestFile), "utf8");
    const body = await buildPage(request);
    // The browser sees the page at the runtime's own origin; the runtime never hears of it.
    await page.route("**/grpc-web.html?*", (route) =>
      route.fulfill({ contentType: "text/html", body }),
    );
    await page.goto(url);
    await page.waitForSelector("body[data-state=done], body[data-state=failed]", {
      timeout: LIMIT_MS,
    });
  }

  const shown = async (id: string) => (await page.textContent(`#${id}`)) ?? "";

  it("shows the runtime's state, by a unary call and by a stream", async () => {
    await open("digits.json");
    assert.equal(await shown("status"), "READY");
    assert.match(await shown("capacity"), /^[1-9]\d* bytes$/);
    assert.equal(await shown("health"), "SERVING");
  });

  it("shows what the model takes and gives", async () => {
    await open("digits.json");
    assert.equal(await shown("inputs"), "image FP32 [-1, 1, 8, 8]");
    const outputs = (await shown("outputs")).split("; ");
    assert.deepEqual(outputs.sort(), ["label INT64 [-1]", "probabilities FP32 [-1, 10]"]);
  });

  for (const file of ["digits.json", "digits-batch.json"]) {
    it(`shows the right digits for ${file}, each the most probable`, async () => {
      await open(file);
      const labels = expected[file]?.label ?? [];
      assert.equal(await shown("label"), labels.join(", "));
      const probabilities = (await shown("probabilities")).split(", ").map(Number);
      assert.equal(probabilities.length, 10 * labels.length);
      const best = labels.map((_, row) => {
        const digits = probabilities.slice(10 * row, 10 * row + 10);
        return digits.indexOf(Math.max(...digits));
      });
      assert.deepEqual(best, labels);
    });
  }

  it("shows an error with its code and message", async () => {
    await open("digits.json");
    assert.equal(await shown("failure"), "[not_found] model 'no such model' is not loaded");
  });
});
