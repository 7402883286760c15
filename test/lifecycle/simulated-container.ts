import { divideMemory } from "../../src/config/memory-division.ts";
import { capacityBytes } from "./model-files.ts";
import type { Setup } from "./script.ts";

const MiB = 1024 * 1024;

/** A container as the runtime divides it, in a unit in which its models get `capacityBytes`. */
export interface SimulatedContainer {
  readonly containerBytes: number;
  /** What all runs may take at once. */
  readonly runBudgetBytes: number;
  /** What neither models nor runs may take: the server, its hosts, and calls. */
  readonly otherBytes: number;
}

/** The runtime does not start in a container that is too small; then this one is just large enough. */
export function simulatedContainer({ containerMiB, runMiB, cores }: Setup): SimulatedContainer {
  const wishes = {
    container: containerMiB * MiB,
    buffer: undefined,
    runs: runMiB === 0 ? undefined : runMiB * MiB,
    payloads: undefined,
    sharedHosts: undefined,
    hostWaste: undefined,
    largestMessage: 16 * MiB,
    leastModels: 32 * MiB,
    cores,
  };
  const { leastContainer } = divideMemory(wishes);
  const container = Math.max(wishes.container, leastContainer);
  const { division } = divideMemory({ ...wishes, container });
  const unit = division.models / capacityBytes;
  return {
    containerBytes: division.container / unit,
    runBudgetBytes: Math.floor(division.runs / unit),
    otherBytes: (division.payloads + division.server + division.hosts) / unit,
  };
}
