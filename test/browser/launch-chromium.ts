import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type Browser, chromium, type Page } from "playwright-core";
import { findChromium } from "./find-chromium.ts";

const { CHROME_PATH, MODELPORT_REQUIRE_BROWSER } = process.env;
const executablePath = findChromium(CHROME_PATH);
const maySkip = executablePath === undefined && !MODELPORT_REQUIRE_BROWSER;

/** Why browser tests are skipped, or false where they run, and fail if there is no browser. */
export const skipWithoutChromium: string | false = maySkip
  ? "no Chromium found; CHROME_PATH may name one"
  : false;

/** A headless Chromium. Whoever launches it closes it. */
export async function launchChromium(): Promise<Browser> {
  assert.ok(executablePath, "this run requires a browser, and there is none");
  return await chromium.launch({
    executablePath,
    args: [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      // A browser under test must not call home.
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** For afterEach: keeps a picture of `page` if the test has failed. `name` starts the file's name. */
export async function keepPictureOfFailure(
  context: unknown,
  page: Page,
  name: string,
): Promise<void> {
  const test = context as TestContext;
  if (!("passed" in test) || test.passed) return;
  const path = join(tmpdir(), `modelport-${name}-failure.png`);
  await page.screenshot({ path, fullPage: true });
  test.diagnostic(`the page as it was: ${path}`);
}
