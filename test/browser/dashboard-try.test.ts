import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, afterEach, before, describe, it } from "node:test";
import { promisify } from "node:util";
import type { Browser, Page } from "playwright-core";
import { startExampleModels } from "../support/docs/markdown-examples.ts";
import type { Served } from "../support/servers/served.ts";
import { type DashboardPage, eventually, openDashboard } from "./dashboard-page.ts";
import { drawStrokes, eight, one, type Strokes, zero } from "./draw-strokes.ts";
import { keepPictureOfFailure, launchChromium, skipWithoutChromium } from "./launch-chromium.ts";

describe("trying models in the dashboard", { skip: skipWithoutChromium }, () => {
  let served: Served;
  let browser: Browser;
  let dashboard: DashboardPage;
  let page: Page;

  before(async () => {
    served = await startExampleModels();
    browser = await launchChromium();
    dashboard = await openDashboard(browser, `http://localhost:${served.port}/#/models/digits`);
    page = dashboard.page;
  });

  after(async () => {
    await browser?.close();
    await served?.stop();
  });

  afterEach((context) => keepPictureOfFailure(context, page, "dashboard-try"));

  const output = (name: string) => page.locator(`[data-output="${name}"] [data-field=values]`);
  const run = () => page.getByRole("button", { name: "Run", exact: true }).click();

  const digits: readonly (readonly [string, Strokes])[] = [
    ["8", eight],
    ["0", zero],
    ["1", one],
  ];
  for (const [digit, strokes] of digits) {
    it(`recognizes a ${digit} that is drawn`, async () => {
      await page.getByRole("button", { name: "Clear" }).click();
      await drawStrokes(page, strokes);
      await run();
      await eventually(() => output("label").textContent(), digit);
      const best = page.locator(".bars .best .bars-index");
      assert.equal(await best.textContent(), digit);
      assert.match((await page.locator("[data-field=took]").textContent()) ?? "", /^\d.* m?s$/);
    });
  }

  it("takes drawings by the keyboard", async () => {
    await page.getByRole("button", { name: "Clear" }).click();
    await page.locator("canvas.pad").focus();
    for (let up = 0; up < 3; up++) await page.keyboard.press("ArrowUp");
    for (let down = 0; down < 6; down++) await page.keyboard.press("Shift+ArrowDown");
    await run();
    await eventually(() => output("label").textContent(), "1");
  });

  it("gives the same call for curl, which answers the same", async () => {
    const [url, body] = await curlOf(page);
    assert.equal(url, `http://localhost:${served.port}/v2/models/digits/infer`);
    const command = (await page.locator("[data-call=curl]").textContent()) ?? "";
    const { stdout } = await promisify(execFile)("sh", ["-c", command], { timeout: 20_000 });
    const { outputs } = JSON.parse(stdout) as { outputs: { name: string; data: number[] }[] };
    assert.deepEqual(outputs.find(({ name }) => name === "label")?.data, [1]);
    assert.equal(JSON.parse(body).inputs[0].data.length, 64);
  });

  it("gives the same call in TypeScript and for grpcurl", async () => {
    await page.getByRole("button", { name: "TypeScript" }).click();
    const script = (await page.locator("[data-call=TypeScript]").textContent()) ?? "";
    assert.match(script, /modelName: "digits"/);
    assert.match(script, /shape: \[1n, 1n, 8n, 8n\], contents: \{ fp32Contents: \[/);
    await page.getByRole("button", { name: "grpcurl" }).click();
    const command = (await page.locator("[data-call=grpcurl]").textContent()) ?? "";
    const json = /-d '(.*)' \\/s.exec(command)?.[1] ?? "";
    assert.equal(JSON.parse(json).inputs[0].contents.fp32Contents.length, 64);
    assert.match(command, /localhost:\d+ inference\.GRPCInferenceService\/ModelInfer$/);
  });

  it("takes a picture from a file", async () => {
    const picture = await page.evaluate(pictureOfOne);
    await page.locator("input[type=file]").setInputFiles({
      name: "one.png",
      mimeType: "image/png",
      buffer: Buffer.from(String(picture).split(",")[1] ?? "", "base64"),
    });
    await eventually(
      () => page.getByRole("button", { name: "Run", exact: true }).isEnabled(),
      true,
    );
    await run();
    await eventually(() => output("label").textContent(), "1");
  });

  it("has a field for each column of a table, which may be empty", async () => {
    await page.goto(`${new URL("/", dashboard.url)}#/models/wine`);
    const row = { alcohol: "13.5", malic_acid: "1.8", flavanoids: "", proline: "770" };
    for (const [column, value] of Object.entries(row)) {
      await page.getByLabel(column, { exact: true }).fill(value);
    }
    await run();
    await eventually(() => output("predict").textContent(), "0");
    await page.getByLabel("hue", { exact: true }).fill("x");
    const button = page.getByRole("button", { name: "Run", exact: true });
    await eventually(() => button.isEnabled(), false);
    await page.getByLabel("hue", { exact: true }).fill("1");
    await page.getByRole("button", { name: "Show as JSON" }).click();
    const text = (await page.getByLabel("input as JSON").inputValue()).replaceAll(/\s/g, "");
    assert.equal(text, "[[13.5,1.8,0,0,0,0,null,0,0,0,1,0,770]]");
  });

  it("makes a form of the metadata, and says what does not fit", async () => {
    await page.goto(`${new URL("/", dashboard.url)}#/models/iris/1`);
    await page.getByText("FP32 [?, 4]").first().waitFor();
    const text = page.getByLabel("measurements as JSON");
    const says = page.locator(".tensor [role=status]");
    const button = page.getByRole("button", { name: "Run", exact: true });
    for (const [wrong, complaint] of [
      ["[1, 2", /^this is not JSON/],
      ["[1, 2, 3]", /there are 3 elements, expected a multiple of 4/],
      ["[[1, 2], [3, 4]]", /the shape is \[2, 2\], expected \[-1, 4\]/],
      ["[{}, 1, 1, 1]", /not a tensor element/],
    ] as const) {
      await text.fill(wrong);
      await eventually(async () => complaint.test((await says.textContent()) ?? ""), true);
      assert.equal(await button.isDisabled(), true);
    }
    await text.fill("[[5.1, 3.5, 1.4, 0.2], [7.7, 3.8, 6.7, 2.2]]");
    await run();
    await eventually(() => output("label").textContent(), "setosa, virginica");
  });

  it("takes JSON and raw bytes from files", async () => {
    const files = page.locator("input[type=file]");
    const json = Buffer.from("[7.7, 3.8, 6.7, 2.2]");
    await files.setInputFiles({ name: "flower.json", mimeType: "application/json", buffer: json });
    await run();
    await eventually(() => output("label").textContent(), "virginica");
    const raw = Buffer.from(Float32Array.of(5.1, 3.5, 1.4, 0.2).buffer);
    await files.setInputFiles({ name: "flower.bin", mimeType: "", buffer: raw });
    await run();
    await eventually(() => output("label").textContent(), "setosa");
  });

  it("makes the browser complain of nothing", () => {
    assert.deepEqual(dashboard.complaints, []);
  });
});

/** A white one on black, as a PNG in a data URL. */
const pictureOfOne = `(() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d");
  context.fillRect(0, 0, 64, 64);
  context.fillStyle = "white";
  context.fillRect(28, 8, 9, 48);
  return canvas.toDataURL("image/png");
})()`;

async function curlOf(page: Page): Promise<readonly [url: string, body: string]> {
  const command = (await page.locator("[data-call=curl]").textContent()) ?? "";
  const [, url = "", body = ""] = /^curl (\S+) -d '(.*)'$/s.exec(command) ?? [];
  return [url, body];
}
