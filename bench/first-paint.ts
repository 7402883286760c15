// `node bench/first-paint.ts [visits]`: how soon first-time visitors see the dashboard, in a browser that is
// already running. docs/dashboard.md quotes it.

import { launchChromium } from "../test/browser/launch-chromium.ts";
import { type Visit, visitDashboard } from "../test/browser/visit-dashboard.ts";
import { startExampleModels } from "../test/support/docs/markdown-examples.ts";
import { quantile } from "./measurements.ts";

const visits = Number(process.argv[2] ?? 15);

const names: Readonly<Record<keyof Visit, string>> = {
  contextMs: "new context and page",
  firstByteMs: "first byte",
  firstPaintMs: "first contentful paint",
  modelsMs: "models shown",
  longTasksMs: "long tasks until then",
};

const served = await startExampleModels();
const browser = await launchChromium();
try {
  const url = `http://localhost:${served.port}/`;
  const visit = () => visitDashboard(browser, url, ["digits", "iris"]);
  // Warms up the server and the browser, which have just been started.
  await visit();
  const seen: Visit[] = [];
  for (let at = 0; at < visits; at++) seen.push(await visit());
  for (const [key, name] of Object.entries(names)) {
    const times = seen.map((one) => one[key as keyof Visit]);
    const [median = 0, worst = 0] = [quantile(times, 0.5), Math.max(...times)].map(Math.round);
    process.stdout.write(`${name.padEnd(24)} ${median} ms in the median, ${worst} ms at most\n`);
  }
} finally {
  await browser.close();
  await served.stop();
}
