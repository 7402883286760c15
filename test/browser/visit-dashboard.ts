import type { Browser } from "playwright-core";

/** How soon somebody who has never been here sees the dashboard. Milliseconds. */
export interface Visit {
  /** Until the browser has a context for them, and a page in it, which is its own business. */
  readonly contextMs: number;
  // These count from the navigation, as the browser does.
  readonly firstByteMs: number;
  /** First contentful paint. */
  readonly firstPaintMs: number;
  /** From when on every model was on the screen. */
  readonly modelsMs: number;
  /** What tasks of 50 ms and more took together until then. */
  readonly longTasksMs: number;
}

/** Opens the dashboard at `url` in a context of its own, and leaves once it shows `models`. */
export async function visitDashboard(
  browser: Browser,
  url: string,
  models: readonly string[],
): Promise<Visit> {
  const startedMs = performance.now();
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    const contextMs = performance.now() - startedMs;
    await page.addInitScript(observerOf(models));
    await page.goto(url);
    const modelsMs = (await page.evaluate("modelsShown")) as number;
    const rest = (await page.evaluate(`firstPaint.then((firstPaintMs) => ({
      firstByteMs: performance.getEntriesByType("navigation")[0].responseStart,
      firstPaintMs,
      longTasksMs,
    }))`)) as Omit<Visit, "contextMs" | "modelsMs">;
    return { contextMs, modelsMs, ...rest };
  } finally {
    await context.close();
  }
}

/** Runs in the page before anything of it does. What drives the browser looks too seldom, and takes part of
 *  the time that it would measure. */
function observerOf(models: readonly string[]): string {
  const selectors = JSON.stringify(models.map((model) => `[data-model="${model}"]`));
  return `
    window.longTasksMs = 0;
    const tasks = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longTasksMs += duration;
    });
    tasks.observe({ type: "longtask", buffered: true });
    window.firstPaint = new Promise((resolve) => {
      new PerformanceObserver((list) => {
        for (const { name, startTime } of list.getEntries()) {
          if (name === "first-contentful-paint") resolve(startTime);
        }
      }).observe({ type: "paint", buffered: true });
    });
    window.modelsShown = new Promise((resolve) => {
      // A task after the next frame: by then the rows are painted.
      const note = () => requestAnimationFrame(() => setTimeout(() => {
        tasks.disconnect();
        resolve(performance.now());
      }));
      const observer = new MutationObserver(() => {
        if (!${selectors}.every((selector) => document.querySelector(selector))) return;
        observer.disconnect();
        note();
      });
      observer.observe(document, { childList: true, subtree: true });
    });`;
}
