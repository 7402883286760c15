// `npm run screenshots`: makes the pictures of docs/dashboard.md, of the real program with some load.

import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { projectRoot, startServed } from "../support/servers/served.ts";
import { waitFor } from "../support/wait-for.ts";
import { askDigits, type OtherCaller, otherCaller } from "./dashboard-traffic.ts";
import { drawStrokes, eight } from "./draw-strokes.ts";
import { launchChromium } from "./launch-chromium.ts";

const folder = join(projectRoot, "docs/pictures");
const loaded = ["fraud-scores", "churn", "digits-eu", "digits-us", "postcodes", "meter-reading"];
/** For the charts to have something to show. */
const watchMs = Number(process.argv[2] ?? 60_000);

const desktop = { width: 1280, height: 900 };
const phone = { width: 390, height: 844 };

interface Shot {
  readonly name: string;
  readonly viewport: { readonly width: number; readonly height: number };
  readonly colorScheme: "light" | "dark";
  readonly isModel: boolean;
}

const shots: readonly Shot[] = [
  { name: "overview-light", viewport: desktop, colorScheme: "light", isModel: false },
  { name: "overview-dark", viewport: desktop, colorScheme: "dark", isModel: false },
  { name: "overview-phone", viewport: phone, colorScheme: "light", isModel: false },
  { name: "model-light", viewport: desktop, colorScheme: "light", isModel: true },
  { name: "model-dark", viewport: desktop, colorScheme: "dark", isModel: true },
  { name: "model-phone", viewport: phone, colorScheme: "dark", isModel: true },
];

// Not from the checkout, whose path would be in the pictures.
const models = join(mkdtempSync(join(tmpdir(), "modelport-")), "models");
cpSync(join(projectRoot, "examples/models"), models, { recursive: true });
const served = await startServed(["--model-repository", models]);
await waitFor(() => served.output().includes("Try it"));
const browser = await launchChromium();
const leaving = new AbortController();
try {
  mkdirSync(folder, { recursive: true });
  const caller = otherCaller(served.port);
  for (const modelId of loaded) {
    await caller.runtime.loadModel({
      modelId,
      modelType: "mt:onnx",
      modelPath: modelId === "churn" ? "iris/1/model.onnx" : "digits/model.onnx",
    });
  }
  await caller.runtime
    .loadModel({ modelId: "lost", modelPath: "no-such-file.onnx" })
    .catch(() => {});
  const traffic = keepAsking(caller, leaving.signal);
  const url = `http://localhost:${served.port}/`;
  const pages = await Promise.all(shots.map((shot) => openPage(browser, shot, url)));
  await sleep(watchMs);
  for (const [at, shot] of shots.entries()) {
    const page = pages[at];
    if (page === undefined) continue;
    await page.bringToFront();
    await sleep(500);
    await page.screenshot({ path: join(folder, `${shot.name}.png`), fullPage: true });
  }
  leaving.abort();
  await traffic;
} finally {
  leaving.abort();
  await browser.close();
  await served.stop();
  rmSync(dirname(models), { recursive: true });
}

/** All pages watch from the start, so that their charts show the same. */
async function openPage(browserOfAll: Browser, shot: Shot, url: string): Promise<Page> {
  const { viewport, colorScheme, isModel } = shot;
  const page = await browserOfAll.newPage({ viewport, colorScheme, deviceScaleFactor: 1 });
  await page.goto(isModel ? `${url}#/models/digits` : url);
  await page.waitForSelector("[data-connection=live]");
  if (isModel) {
    await drawStrokes(page, eight);
    await page.getByRole("button", { name: "Run", exact: true }).click();
    await page.waitForSelector("[data-output=label]");
  }
  return page;
}

/** Traffic that comes and goes, and now and then fails. */
async function keepAsking(caller: OtherCaller, signal: AbortSignal): Promise<void> {
  for (let turn = 0; !signal.aborted; turn++) {
    const calm = 30 + 25 * Math.sin(turn / 60);
    const target = ["digits", "digits-eu", "digits", "postcodes", "meter-reading"][turn % 5] ?? "";
    const asking = askDigits(caller, target, turn % 97 === 0 ? 3 : 64).catch(() => {});
    await Promise.all([asking, sleep(calm)]);
  }
}
