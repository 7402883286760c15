import { setTimeout as sleep } from "node:timers/promises";
import { Churn, type ChurnOptions, type ChurnReport } from "./churn.ts";
import { MeshedRuntime } from "./meshed-runtime.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** From models that load in a millisecond to such as keep a host busy for as long as an unload may take. */
const usual: Omit<ChurnOptions, "seed"> = {
  models: 36,
  smallestBytes: 20 * KiB,
  largestBytes: 50 * MiB,
  callers: 6,
};

/** Churn for `durationMs`, with every model in the one shared host. `scale`: how many times faster than the
 *  wall's ModelMesh's clock goes. */
export async function runChurn(options: {
  readonly durationMs: number;
  readonly seed: number;
  readonly scale: number;
}): Promise<ChurnReport> {
  const pod = await MeshedRuntime.start({
    scale: options.scale,
    // A model whose load failed by ModelMesh's own fault is wanted again soon.
    failureExpiryMs: 2000,
    // A third of what all models need.
    capacityBytes: 160 * MiB,
    flags: ["--engine-hosts", "1", "--dedicated-host-size", `${1024 * MiB}`],
  });
  try {
    let isOver = false;
    void sleep(options.durationMs, undefined, { ref: false }).then(() => {
      isOver = true;
    });
    return await new Churn(pod, { ...usual, seed: options.seed }).run(() => isOver);
  } finally {
    await pod.close();
  }
}
