import { returnsFreeMemory } from "../process/free-memory.ts";

const MiB = 1024 * 1024;

/** Of our own environment: with a compile cache hosts start in a third of the time, and the others say which
 *  locales there are for models that write text in upper or lower case. */
const passedOn = ["NODE_COMPILE_CACHE", "LANG", "LC_ALL", "LOCPATH"];

/** What engine hosts get of the environment `env`, and nothing else. */
export function hostEnvironment(env: NodeJS.ProcessEnv): Readonly<Record<string, string>> {
  const passed = passedOn.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(passed);
}

/** How a host's allocator keeps what is freed. */
interface Keeping {
  /** Blocks from this size on are taken from the system and given back when they are freed. */
  readonly mappedFromBytes: number;
  /** The end of the heap is given back once so much of it is free. */
  readonly keptTopBytes: number;
}

/** For hosts that give back what is free when they are idle: runs that follow each other have their memory without
 *  asking the system, as from an arena. 32 MiB is the most that glibc takes. */
const keepsUntilIdle: Keeping = { mappedFromBytes: 32 * MiB, keptTopBytes: 128 * MiB };
/** For others: nothing big is ever kept, and runs pay for it. */
const keepsLittle: Keeping = { mappedFromBytes: MiB, keptTopBytes: 4 * MiB };

/** How the hosts of this process keep memory. */
export function hostKeeping(): Keeping {
  return returnsFreeMemory() ? keepsUntilIdle : keepsLittle;
}

/** What native libraries in a host read, before the first line of ours runs. */
export function libraryEnvironment({ mappedFromBytes, keptTopBytes }: Keeping) {
  return {
    // Fixed, or glibc would raise both with the blocks that are freed: see docs of M_MMAP_THRESHOLD.
    MALLOC_MMAP_THRESHOLD_: String(mappedFromBytes),
    MALLOC_TRIM_THRESHOLD_: String(keptTopBytes),
    // Else what V8's thread gives back is kept for that thread alone.
    MALLOC_ARENA_MAX: "1",
    // Else ONNX Runtime tells its makers of every model, by way of a database in the user's home, which
    // takes as long as a tiny load.
    ORT_DISABLE_TELEMETRY: "1",
  };
}
