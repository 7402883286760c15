/** An extension of Triton's that this server does not have, as its clients call it. */
interface RefusedExtension {
  /** Of inference.GRPCInferenceService. */
  readonly methods: readonly string[];
  /** REST, below /v2. */
  readonly paths: readonly string[];
  /** What is refused, why, and what to do instead. */
  readonly why: string;
}

const regions = (kind: string) => [
  `/${kind}/status`,
  `/${kind}/region/:region/status`,
  `/${kind}/region/:region/register`,
  `/${kind}/unregister`,
  `/${kind}/region/:region/unregister`,
];

const memoryMethods = (kind: string) =>
  ["Status", "Register", "Unregister"].map((verb) => `${kind}SharedMemory${verb}`);

export const refusedExtensions: readonly RefusedExtension[] = [
  {
    methods: memoryMethods("System"),
    paths: regions("systemsharedmemory"),
    why: "shared memory is not supported: send tensors in the request, as raw_input_contents or binary data",
  },
  {
    methods: memoryMethods("Cuda"),
    paths: regions("cudasharedmemory"),
    why: "CUDA shared memory is not supported: send tensors in the request, as raw_input_contents or binary data",
  },
  {
    methods: ["TraceSetting"],
    paths: ["/trace/setting", "/models/:model/trace/setting"],
    why: "trace settings are not supported: traces are set up when the server starts (TRACING)",
  },
  {
    methods: ["LogSettings"],
    paths: ["/logging"],
    why: "log settings are not supported: the log is set up when the server starts (LOG_LEVEL)",
  },
];

const reasons: ReadonlyMap<string, string> = new Map(
  refusedExtensions.flatMap(({ methods, why }) =>
    methods.map((method) => [`/inference.GRPCInferenceService/${method}`, why] as const),
  ),
);

/** Why there is no RPC at `path`; undefined for paths that mean nothing to any client. */
export function whyNoMethod(path = ""): string | undefined {
  return reasons.get(path);
}
