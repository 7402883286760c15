import { totalmem } from "node:os";
import type { SettingRows } from "./setting.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

/** The rows of src/config/settings.ts for memory. */
export const memorySettings = {
  "container-memory": {
    env: "CONTAINER_MEM_REQ_BYTES",
    type: "integer",
    unit: "bytes",
    default: machineMemoryBytes(),
    defaultText: "the cgroup's limit, else the machine's memory",
    min: 1,
    doc: "memory of this container",
  },
  "memory-buffer": {
    env: "MEM_BUFFER_BYTES",
    type: "integer",
    unit: "bytes",
    default: undefined,
    defaultText: "what the parts below need",
    min: 0,
    doc: "of that memory, what is not for models: the server, its hosts, calls and runs; models get the rest; 0: models get all, and the rest comes on top",
  },
  "default-model-size": {
    env: "DEFAULT_MODELSIZE",
    type: "integer",
    unit: "bytes",
    default: 1_000_000,
    min: 16 * KiB,
    doc: "assumed for a model of which nothing is known; ModelMesh needs more than 8,192",
  },
  "model-size-multiplier": {
    env: "MODELSIZE_MULTIPLIER",
    type: "number",
    default: undefined,
    defaultText: "the engine's own upper bound",
    min: 0.01,
    doc: "memory that a load reserves for a model that was never measured, as a multiple of its size on disk",
  },
  "dedicated-host-size": {
    env: "DEDICATED_HOST_MIN_BYTES",
    type: "integer",
    unit: "bytes",
    default: 32 * MiB,
    min: 0,
    doc: "models of this size or more get a process of their own",
  },
  "run-memory": {
    env: "RUN_MEMORY_BYTES",
    type: "integer",
    unit: "bytes",
    default: undefined,
    defaultText: "a quarter of what the server and its hosts leave",
    min: 0,
    doc: "what all runs together may take beyond the models; 0 is no limit",
  },
  "host-waste": {
    env: "HOST_WASTE_BYTES",
    type: "integer",
    unit: "bytes",
    default: undefined,
    defaultText: "a 64th of the container, from 16 to 64 MiB",
    min: 0,
    doc: "what a shared engine host may keep beside its models before they move to a fresh one; 0 is no limit",
  },
} as const satisfies SettingRows;

/** The cgroup's limit where there is one, else all memory of the machine. */
function machineMemoryBytes(): number {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
