import { abortable } from "../abort.ts";
import type { CancelSignal } from "../cancel-signal.ts";
import type { LoadedModel } from "../engine/engine.ts";
import { RuntimeError } from "../errors.ts";
import type { Tensor } from "../tensor.ts";
import { checkInference } from "./inference-check.ts";
import type { ModelLifecycle } from "./model-lifecycle.ts";
import type { ModelRecord } from "./model-record.ts";
import type { InferenceRequest } from "./models.ts";

/** Runs one inference on a model that is serving, and holds it in memory meanwhile. A request whose host
 *  dies is run once more, in the next host: it is idempotent, and its buffers are ours again. */
export async function runInference(
  record: ModelRecord,
  request: InferenceRequest,
  { lifecycle, signal }: { readonly lifecycle: ModelLifecycle; readonly signal: CancelSignal },
): Promise<readonly Tensor[]> {
  const release = record.leases.acquire();
  try {
    // Mostly it is there, and a wait for nothing would cost every request two promises.
    const loaded = record.loaded ?? (await abortable(record.whenRunning(), signal));
    const checked = checkInference(record.label, loaded.metadata, request);
    return await record.statistics.measure(async () => {
      try {
        return await loaded.infer(checked, signal);
      } catch (reason) {
        if (!(reason instanceof RuntimeError) || reason.kind !== "host-lost") throw reason;
        lifecycle.recover(record, loaded, reason);
        const again = await afterLoss(record, loaded, signal);
        // By itself: whatever ended the host must not do it to others again.
        return await again.infer({ ...checked, alone: true }, signal);
      }
    });
  } finally {
    release();
  }
}

async function afterLoss(
  record: ModelRecord,
  lost: LoadedModel,
  signal: CancelSignal,
): Promise<LoadedModel> {
  if (record.loaded === lost) {
    throw new RuntimeError("aborted", `model '${record.label}' was unloaded`);
  }
  return await abortable(record.whenRunning(), signal);
}
