import type { ModelManagerOptions } from "../../../src/service/model-manager.ts";

/** The options of a manager for tests: small figures for an engine that is not real, and limits of time that catch
 *  hangs only. */
export function managerOptions(changes: Partial<ModelManagerOptions> = {}): ModelManagerOptions {
  return {
    capacityBytes: 1000,
    loadingConcurrency: 2,
    loadTimeoutMs: 20_000,
    defaultModelBytes: 100,
    modelSizeMultiplier: undefined,
    limitPerModelConcurrency: 0,
    runtimeVersion: "test",
    drainTimeoutMs: 20_000,
    modelRepository: undefined,
    lifecycleOwner: "auto",
    ...changes,
  };
}
