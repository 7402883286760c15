// `node bench/scrape.ts [scrapes]`: how long a scrape takes with many models, and how long it blocks the
// event loop at a time. docs/metrics.md quotes it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { SafePath } from "../src/base/files/safe-path.ts";
import { createLogger } from "../src/observe/log.ts";
import { MetricsPage } from "../src/rpc/metrics/page.ts";
import { CallMetrics } from "../src/rpc/observe/call-metrics.ts";
import { ModelManager } from "../src/service/model-manager.ts";
import { FakeEngine } from "../test/support/fakes/fake-engine.ts";
import { managerOptions } from "../test/support/fakes/manager-options.ts";
import { quantile } from "./measurements.ts";

const scrapes = Number(process.argv[2] ?? 20);
const forever = new AbortController().signal;

async function measure(modelCount: number, root: string): Promise<void> {
  const engine = new FakeEngine();
  const manager = new ModelManager(
    { engine, safePath: new SafePath([root]), log: createLogger("silent") },
    managerOptions({
      capacityBytes: 2 ** 40,
      loadingConcurrency: 16,
      loadTimeoutMs: 60_000,
      defaultModelBytes: 1_000_000,
      drainTimeoutMs: 0,
      metrics: { maxModels: modelCount },
    }),
  );
  const page = new MetricsPage(new CallMetrics(), manager.watch.metrics);
  for (let at = 0; at < modelCount; at++) {
    const spec = { id: `isvc-of-somebody-${at}`, type: "mt:onnx", path: "m.onnx", key: "" };
    const loading = manager.load(spec, forever);
    (await engine.nthLoad(at + 1)).finish();
    await loading;
  }
  let lines = 0;
  const tookMs: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: 1 });
  await page.render();
  delay.enable();
  for (let at = 0; at < scrapes; at++) {
    const startMs = performance.now();
    const { body } = await page.render("application/openmetrics-text");
    tookMs.push(performance.now() - startMs);
    lines = body.split("\n").length;
    await sleep(20);
  }
  delay.disable();
  const took = quantile(
    tookMs.sort((a, b) => a - b),
    0.5,
  );
  process.stdout.write(
    `${modelCount} models: ${lines} lines, ${took.toFixed(0)} ms, ` +
      `the loop late by up to ${(delay.max / 1e6).toFixed(0)} ms\n`,
  );
}

const root = await mkdtemp(join(tmpdir(), "modelport-scrape-"));
try {
  await writeFile(join(root, "m.onnx"), "x");
  for (const modelCount of [50, 500, 2_000]) await measure(modelCount, root);
} finally {
  await rm(root, { recursive: true, force: true });
}
process.exit();
