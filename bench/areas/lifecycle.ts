import { join } from "node:path";
import { weights, writeWeightsModel } from "../../test/support/models/layered-models.ts";
import { canMeasureTrees } from "../../test/support/processes/process-tree.ts";
import type { SessionLoadsResult } from "../limits/session-loads.ts";
import type { ModelClient } from "../load/model-client.ts";
import { tiny } from "../models.ts";
import type { Program } from "../program.ts";
import { settledMib } from "../settled-memory.ts";
import { withModelport } from "../with-modelport.ts";
import type { Workbench } from "../workbench.ts";
import { measureCancel } from "./lifecycle-cancel.ts";

// Loading and unloading through the real program, compared with ONNX Runtime in a loop.

const MB = 1e6;

interface Size {
  readonly name: string;
  readonly file: string;
  readonly count: { readonly full: number; readonly quick: number };
  /** Loads that are asked for at once. */
  readonly inFlight: number;
}

const sizes: readonly Size[] = [
  { name: "tiny", file: "tiny.onnx", count: { full: 1000, quick: 100 }, inFlight: 16 },
  { name: "1 MB", file: "1mb.onnx", count: { full: 200, quick: 20 }, inFlight: 16 },
  { name: "400 MB", file: "400mb.onnx", count: { full: 2, quick: 1 }, inFlight: 1 },
];

const rounds = { full: 3, quick: 1 };
const cycles = { full: 1000, quick: 50 };

export async function measureLifecycle(bench: Workbench): Promise<void> {
  await bench.put("tiny.onnx", tiny.make());
  await bench.put("1mb.onnx", weights({ bytes: MB }));
  await writeWeightsModel(join(bench.folder, "400mb.onnx"), 400 * MB);
  await measureRates(bench);
  if (canMeasureTrees) {
    await withModelport(bench, (program, client) => measureCycles(bench, program, client));
    await withModelport(bench, (program, client) =>
      measureCancel(bench, {
        program,
        client,
        path: "400mb.onnx",
        slackBytes: 20 * MB,
        name: "lifecycle/cancel of 400 MB",
      }),
    );
  } else {
    bench.measurements.skip("memory of processes", `${process.platform} has no /proc`);
  }
}

async function measureRates(bench: Workbench): Promise<void> {
  await withModelport(bench, async (_program, client) => {
    for (let round = 0; round < bench.choose(rounds); round++) {
      for (const { name, file, count, inFlight } of sizes) {
        bench.log(`loads of ${name}`);
        const models = bench.choose(count);
        const limit = (await bench.runLimit("bench/limits/session-loads.ts", [
          join(bench.folder, file),
          String(models),
        ])) as SessionLoadsResult;
        const ids = Array.from({ length: models }, (_, index) => `${name} ${round} ${index}`);
        const loads = await client.loadMany({ ids, path: file, inFlight });
        const unloads = await client.unloadMany({ ids, inFlight });
        const { measurements } = bench;
        measurements.add(`lifecycle/loads, ${name}/session.create`, "/s", limit.loadsPerSecond);
        measurements.add(`lifecycle/loads, ${name}/modelport`, "/s", loads);
        measurements.add(
          `lifecycle/unloads, ${name}/session.release`,
          "/s",
          limit.unloadsPerSecond,
        );
        measurements.add(`lifecycle/unloads, ${name}/modelport`, "/s", unloads);
      }
    }
  });
}

/** Whether memory comes back: loads and unloads one model over and over. During the first thousand cycles V8
 *  still compiles and the heaps fill; a leak per cycle would show in the second thousand as well. The program
 *  rests equally long before each look. */
async function measureCycles(
  bench: Workbench,
  program: Program,
  client: ModelClient,
): Promise<void> {
  const count = bench.choose(cycles);
  bench.log(`${2 * count} cycles of 1 MB`);
  const stops = {
    "after 1 cycle": 1,
    "after 1,000 cycles": count,
    "after 2,000 cycles": 2 * count,
  };
  let done = 0;
  for (const [stop, until] of Object.entries(stops)) {
    for (; done < until; done++) {
      await client.load("cycled", "1mb.onnx");
      await client.unload("cycled");
    }
    const mib = await settledMib(program.pid);
    bench.measurements.add(`lifecycle/memory, ${stop}`, "MiB", mib);
  }
}
