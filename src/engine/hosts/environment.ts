import type { ExecutionProvider } from "../../config/run-settings.ts";
import { returnsFreeMemory } from "../process/free-memory.ts";

const MiB = 1024 * 1024;

/** Taken from our own environment: hosts start in a third of the time with a compile cache, and the other
 *  variables say which locales exist for models that change the case of text. */
const passedOn = ["NODE_COMPILE_CACHE", "LANG", "LC_ALL", "LOCPATH"];
/** Where CUDA lies, and which of its devices are ours. */
const passedOnForCuda = ["LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "CUDA_CACHE_PATH"];

/** The part of the environment `env` that engine hosts get. */
export function hostEnvironment(
  env: NodeJS.ProcessEnv,
  executionProvider: ExecutionProvider = "cpu",
): Readonly<Record<string, string>> {
  const names = executionProvider === "cuda" ? [...passedOn, ...passedOnForCuda] : passedOn;
  const passed = names.flatMap((name) => {
    const value = env[name];
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return Object.fromEntries(passed);
}

/** How a host's allocator keeps freed memory. */
export interface Keeping {
  /** Blocks of this size or more come from the system and go back to it when they are freed. */
  readonly mappedFromBytes: number;
  /** The end of the heap is given back once this much of it is free. */
  readonly keptTopBytes: number;
}

/** glibc's maximum. */
const mostMappedFromBytes = 32 * MiB;
const mostKeptTopBytes = 128 * MiB;
/** What one host may keep of the memory that all runs share. Other hosts' runs cannot have it. */
const keptShare = 1 / 8;
/** For other hosts: nothing big is ever kept, and runs pay for it. */
const keepsLittle: Keeping = { mappedFromBytes: MiB, keptTopBytes: 4 * MiB };

/** How this process's hosts keep memory. Hosts that give back free memory when they are idle keep more: consecutive
 *  runs reuse it without asking the system, as from an arena. `runMemoryBytes`: for all runs; 0 is no limit. */
export function hostKeeping(runMemoryBytes: number): Keeping {
  if (!returnsFreeMemory()) return keepsLittle;
  const share = runMemoryBytes === 0 ? mostKeptTopBytes : Math.floor(runMemoryBytes * keptShare);
  const keptTopBytes = Math.max(keepsLittle.keptTopBytes, Math.min(mostKeptTopBytes, share));
  return { mappedFromBytes: Math.min(mostMappedFromBytes, keptTopBytes), keptTopBytes };
}

/** What native libraries in a host read before our first line runs. */
export function libraryEnvironment({ mappedFromBytes, keptTopBytes }: Keeping) {
  return {
    // Fixed, because glibc would otherwise raise both with the size of freed blocks: see M_MMAP_THRESHOLD in
    // mallopt(3).
    MALLOC_MMAP_THRESHOLD_: String(mappedFromBytes),
    MALLOC_TRIM_THRESHOLD_: String(keptTopBytes),
    // Otherwise memory that V8's thread frees is kept for that thread alone.
    MALLOC_ARENA_MAX: "1",
    // Otherwise ONNX Runtime's telemetry records every model in a database in the user's home, which takes as
    // long as a tiny load.
    ORT_DISABLE_TELEMETRY: "1",
  };
}
