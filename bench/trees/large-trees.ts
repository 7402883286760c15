import { canMeasureTrees } from "../../test/support/processes/process-tree.ts";
import { measureCancel } from "../areas/lifecycle-cancel.ts";
import type { ModelClient } from "../load/model-client.ts";
import type { Program } from "../program.ts";
import { withModelport } from "../with-modelport.ts";
import type { Workbench } from "../workbench.ts";
import { xgboostFile } from "./tree-models.ts";

const path = "large.json";
const rounds = { full: 5, quick: 1 };
/** Less than what the translator or the host takes for it, and more than V8 and glibc keep in the server from load to
 *  load. */
const slackBytes = 25e6;
/** prom-client looks this often, and counts the pause between two looks. */
const resolutionMs = 10;
const noCache = ["--translation-cache-size", "0"];

/** A file of 52 MB: how late the server's loop is while another process translates it and a host loads the result, and
 *  how soon its memory is free once the load is cancelled. */
export async function measureLargeTrees(bench: Workbench): Promise<void> {
  const file = xgboostFile({ trees: 406, columns: 50, seed: 1, depth: 10 });
  bench.log(`writes ${(file.bytes.length / 1e6).toFixed(0)} MB of XGBoost`);
  await bench.put(path, file.bytes);
  await withModelport(bench, (program, client) => measureLateness(bench, program, client), noCache);
  if (!canMeasureTrees) {
    bench.measurements.skip("cancel of 52 MB", `${process.platform} has no /proc`);
    return;
  }
  const name = "trees/cancel of 52 MB";
  await withModelport(
    bench,
    (program, client) => measureCancel(bench, { program, client, path, slackBytes, name }),
    noCache,
  );
}

async function measureLateness(
  bench: Workbench,
  program: Program,
  client: ModelClient,
): Promise<void> {
  for (let round = 0; round < bench.choose(rounds); round++) {
    bench.log("load of 52 MB");
    await latestMs(program);
    await client.load("large", path);
    bench.measurements.add("trees/load of 52 MB/loop late", "ms", await latestMs(program));
    await client.unload("large");
  }
}

/** How late the server's loop was at most since the last call. */
async function latestMs({ port }: Program): Promise<number> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const seconds = /^nodejs_eventloop_lag_max_seconds\S* (\S+)$/m.exec(page)?.[1];
  if (seconds === undefined) throw new Error("the metrics lack the lag of the event loop");
  return Math.max(0, Number(seconds) * 1000 - resolutionMs);
}
