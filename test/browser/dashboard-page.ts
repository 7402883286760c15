import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Locator, Page, Request } from "playwright-core";

const LIMIT_MS = 60_000;
const axeSource = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** The dashboard in a page of its own, with everything that the browser did and complained of. */
export interface DashboardPage {
  readonly page: Page;
  readonly url: string;
  /** Console errors, failed scripts, violations of the policy. */
  readonly complaints: string[];
  readonly requests: Request[];
  row(model: string): Locator;
  /** What axe finds that is serious or critical, in words; empty if all is well. */
  audit(): Promise<string[]>;
  close(): Promise<void>;
}

export async function openDashboard(
  browser: Browser,
  url: string,
  {
    connection = "live",
    ...options
  }: BrowserContextOptions & { readonly connection?: "live" | "lost" } = {},
): Promise<DashboardPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const complaints: string[] = [];
  const requests: Request[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => requests.push(request));
  await page.goto(url);
  await page.waitForSelector(`[data-connection=${connection}]`);
  return {
    page,
    url,
    complaints,
    requests,
    row: (model) => page.locator(`[data-model="${model}"]`),
    audit: () => audit(page),
    close: () => context.close(),
  };
}

interface AxeViolation {
  readonly id: string;
  readonly impact: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string }[];
}

async function audit(page: Page): Promise<string[]> {
  // By the debugger, and not as an element of the page, so that the policy stays as it is.
  await page.evaluate(axeSource);
  const violations = (await page.evaluate(
    "axe.run().then(({ violations }) => violations)",
  )) as AxeViolation[];
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map(({ html }) => html).join("\n  ")}`,
    );
}

/** Waits until `read` gives `expected`, which shows what it gave if that does not come. */
export async function eventually<T>(read: () => Promise<T>, expected: T): Promise<void> {
  const limit = performance.now() + LIMIT_MS;
  for (;;) {
    const value = await read();
    try {
      assert.deepEqual(value, expected);
      return;
    } catch (error) {
      if (performance.now() > limit) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
