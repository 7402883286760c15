/** The answer to runtimeStatus as @grpc/proto-loader reads it, 64-bit integers as text. */
export interface RuntimeStatusAnswer {
  readonly status: "STARTING" | "READY" | "FAILING";
  readonly capacityInBytes: string;
  readonly maxLoadingConcurrency: number;
  readonly modelLoadingTimeoutMs: number;
  readonly defaultModelSizeInBytes: string;
  readonly methodInfos: Readonly<Record<string, { readonly idInjectionPath: readonly number[] }>>;
  readonly allowAnyMethod: boolean;
}

/** What ModelMesh makes of a READY answer. Memory is counted in units. */
export interface RuntimeParameters {
  readonly capacityUnits: number;
  /** Part of the capacity that is kept for models on their way out. */
  readonly unloadBufferUnits: number;
  readonly defaultUnits: number;
  readonly loadingConcurrency: number;
  readonly loadTimeoutMs: number;
  /** "package.Service/Method" to the path of its model id; undefined lets every method pass. */
  readonly methods: ReadonlyMap<string, readonly number[]> | undefined;
  readonly allowAnyMethod: boolean;
}

export const unitBytes = 8 * 1024;
const MiB = 1024 * 1024;

/** Throws what makes ModelMesh give up on a runtime. */
export function readParameters(answer: RuntimeStatusAnswer): RuntimeParameters {
  const capacityBytes = Number(answer.capacityInBytes);
  const defaultBytes = Number(answer.defaultModelSizeInBytes);
  const concurrency = answer.maxLoadingConcurrency;
  const least = Math.max(2 * defaultBytes, Math.min(512 * MiB, 10 * defaultBytes));
  const demands: [name: string, value: number, least: number][] = [
    ["capacityInBytes", capacityBytes, least],
    ["maxLoadingConcurrency", concurrency, 1],
    ["modelLoadingTimeoutMs", answer.modelLoadingTimeoutMs, 100],
    // One unit passes, but ModelMesh then forgets to clean up after a failed load.
    ["defaultModelSizeInBytes", defaultBytes, unitBytes + 1],
  ];
  for (const [name, value, limit] of demands) {
    if (!(value >= limit)) throw new Error(`${name} is ${value}, ModelMesh needs ${limit} or more`);
  }
  const methods = Object.entries(answer.methodInfos);
  return {
    capacityUnits: Math.floor(capacityBytes / unitBytes),
    unloadBufferUnits: Math.floor(
      unloadBufferBytes({ capacityBytes, defaultBytes, concurrency }) / unitBytes,
    ),
    defaultUnits: toUnits(defaultBytes),
    loadingConcurrency: concurrency,
    loadTimeoutMs: answer.modelLoadingTimeoutMs,
    methods:
      methods.length === 0
        ? undefined
        : new Map(methods.map(([name, { idInjectionPath }]) => [name, idInjectionPath])),
    allowAnyMethod: answer.allowAnyMethod,
  };
}

export function toUnits(bytes: number): number {
  return Math.ceil(bytes / unitBytes);
}

function unloadBufferBytes(of: {
  readonly capacityBytes: number;
  readonly defaultBytes: number;
  readonly concurrency: number;
}): number {
  const { capacityBytes, defaultBytes, concurrency } = of;
  const wanted = (concurrency * defaultBytes) / (concurrency <= 2 ? 2 : 4);
  return Math.min(Math.max(wanted, capacityBytes / 100), capacityBytes / 10);
}
