import type { Workbench } from "../workbench.ts";

export async function measurePeers(bench: Workbench): Promise<void> {
  bench.measurements.skip("other model servers", "no client for them yet");
}
