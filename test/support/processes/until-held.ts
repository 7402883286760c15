import { setTimeout as sleep } from "node:timers/promises";

const patienceMs = 15_000;
const pauseMs = 50;

/** Polls until a host holds `what`: it gives memory back a moment after its last run. */
export async function untilHeld(what: string, isHeld: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + patienceMs;
  while (performance.now() < endMs) {
    if (await isHeld()) return;
    await sleep(pauseMs);
  }
  throw new Error(`gave up waiting until a host holds ${what}`);
}
