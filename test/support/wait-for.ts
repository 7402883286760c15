import { setTimeout as sleep } from "node:timers/promises";

/** Resolves when `condition` holds. Rejects after `limitMs`, which is there to catch hangs only. */
export async function waitFor(
  condition: () => boolean | Promise<boolean>,
  limitMs = 60_000,
): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`not so within ${limitMs} ms: ${condition}`);
    await sleep(1);
  }
}
