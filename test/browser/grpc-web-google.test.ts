import assert from "node:assert/strict";
import { join } from "node:path";
import { afterEach, before, describe, it } from "node:test";
import type { Browser, Page } from "playwright-core";
import { until } from "../support/clients/raw-http.ts";
import { type FakeServer, startFakeServer, suiteCleanup } from "../support/fakes/fake-server.ts";
import { bundleForBrowser } from "./build-page.ts";
import type { GoogleClient } from "./grpc-web-google-script.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

declare const googleClient: GoogleClient;

const addOne = {
  modelName: "add-one",
  id: "r1",
  inputs: [
    { name: "x", datatype: "FP32", shape: ["1", "3"], contents: { fp32Contents: [1, 2, 3] } },
  ],
};

describe("Google's grpc-web, in a browser", { skip: skipWithoutChromium }, () => {
  const cleanup = suiteCleanup();
  let fake: FakeServer;
  let browser: Browser;
  let page: Page;

  before(async () => {
    fake = await startFakeServer(cleanup);
    browser = await launchChromium();
    cleanup.after(() => browser.close());
    page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    // The browser sees the page at the server's own origin; the server never hears of it.
    await page.route("**/google.html", (route) =>
      route.fulfill({ contentType: "text/html", body: "<!doctype html><title>grpc-web</title>" }),
    );
    await page.goto(`http://localhost:${fake.address.port}/google.html`);
    const content = await bundleForBrowser(join(import.meta.dirname, "grpc-web-google-script.ts"));
    await page.addScriptTag({ content, type: "module" });
    // A module runs after its tag was added.
    await page.waitForFunction(() => "googleClient" in globalThis);
  });

  afterEach((context) => keepPictureOfFailure(context, page, "grpc-web-google"));

  const modelInfer = (request: object, format: string) =>
    page.evaluate(([sent, asked]) => googleClient.modelInfer(sent as never, asked), [
      request,
      format,
    ] as const);

  it("gets the answer of an inference in binary mode", async () => {
    assert.deepEqual(await modelInfer(addOne, "binary"), {
      answer: {
        modelName: "add-one",
        id: "r1",
        outputs: [
          { name: "y", datatype: "FP32", shape: ["1", "3"], contents: { fp32Contents: [2, 3, 4] } },
        ],
      },
    });
  });

  it("gets the code and the message of an error", async () => {
    assert.deepEqual(await modelInfer({ modelName: "größe 100%" }, "binary"), {
      failure: { code: 5, message: "model 'größe 100%' is not loaded here" },
    });
    const wrong = { ...addOne, inputs: [{ ...addOne.inputs[0], datatype: "FLOAT" }] };
    const answer = await modelInfer(wrong, "binary");
    assert.ok("failure" in answer);
    assert.equal(answer.failure.code, 3);
    assert.match(answer.failure.message, /'FLOAT'/);
  });

  it("cancels a call, which aborts the inference, and is heard no more", async () => {
    const calls = fake.models.calls.length;
    const call = await page.evaluateHandle(() => googleClient.begin({ modelName: "hangs" }));
    await until(() => fake.models.calls.length > calls, "the inference runs");
    const signal = fake.models.calls[calls]?.signal;
    assert.equal(signal?.aborted, false);
    await call.evaluate(({ cancel }) => cancel());
    await until(() => signal?.aborted === true, "the inference is aborted");
    assert.deepEqual(await call.evaluate(({ heard }) => heard), []);
    assert.ok("answer" in (await modelInfer(addOne, "binary")), "the connection goes on");
  });

  it("is refused in its text mode, by 415", async () => {
    const [response, answer] = await Promise.all([
      page.waitForResponse(/ModelInfer$/),
      modelInfer(addOne, "text"),
    ]);
    assert.match((await response.request().headerValue("content-type")) ?? "", /grpc-web-text/);
    assert.equal(response.status(), 415);
    assert.ok("failure" in answer);
  });
});
