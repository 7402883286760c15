import { abortable } from "../base/abort.ts";
import type { CancelSignal } from "../base/cancel-signal.ts";
import { RuntimeError } from "../base/errors.ts";
import type { Tensor } from "../base/tensor.ts";
import type { LoadedModel } from "../engine/contract/engine.ts";
import { HostLostError, type PartInLoss } from "../engine/contract/host-lost-error.ts";
import { classify } from "./classification.ts";
import type { InferenceRequest, InferenceResult } from "./contract/models.ts";
import { describedOf } from "./described/described-of.ts";
import { checkInference } from "./inference-check.ts";
import type { ModelLifecycle } from "./lifecycle/model-lifecycle.ts";
import { splitVersionedId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import { tabularView } from "./tabular/tabular-view.ts";

/** A request may lose two hosts, or four if something else killed them. */
const harmOf: Record<PartInLoss, number> = { caused: 2, suspected: 1, crowded: 1, bystander: 0 };
const maxHarm = 4;
/** Hosts that may die before the request reaches them. */
const maxHosts = 8;

/** Runs one inference on a model that is serving, and keeps the model in memory meanwhile. A request whose host
 *  dies is run again in the next host: it is idempotent, and its buffers are ours again. */
export async function runInference(
  record: ModelRecord,
  request: InferenceRequest,
  { lifecycle, signal }: { readonly lifecycle: ModelLifecycle; readonly signal: CancelSignal },
): Promise<InferenceResult> {
  const release = record.leases.acquire();
  const { statistics } = record;
  // The start of the counted time; undefined until the request is known to fit the model.
  let startMs: number | undefined;
  try {
    // The model is usually there, and a needless await would cost every request two promises.
    let loaded = record.loaded ?? (await abortable(record.whenRunning(), signal));
    const tabular = tabularView(loaded.metadata, record.settings)?.toEngine(request);
    let checked = checkInference(record.label, loaded.metadata, tabular?.request ?? request);
    startMs = performance.now();
    let harm = 0;
    for (let hosts = 1; ; hosts++) {
      try {
        const results = await loaded.infer(checked, signal);
        const answered = tabular === undefined ? results : tabular.toClient(results);
        const outputs = request.classes ? classifyOutputs(answered, record, request) : answered;
        statistics.noteSuccess(performance.now() - startMs);
        record.faults?.noteSuccess();
        return { version: splitVersionedId(record.id).version, outputs };
      } catch (reason) {
        if (!(reason instanceof RuntimeError) || reason.kind !== "host-lost") throw reason;
        lifecycle.recover(record, loaded, reason);
        const part = reason instanceof HostLostError ? reason.part : "caused";
        harm += harmOf[part];
        // Runs alone: a request that killed its host must not harm others again.
        if (part !== "bystander") checked = { ...checked, alone: true };
        if (part === "crowded") checked = { ...checked, needsAll: true };
        if (harm >= maxHarm || hosts === maxHosts) throw reason;
        loaded = await afterLoss(record, loaded, signal);
      }
    }
  } catch (reason) {
    if (startMs !== undefined) {
      statistics.noteFailure(performance.now() - startMs, reason, signal.aborted);
    }
    // A client that stopped waiting says nothing about the model.
    const isOfCaller = signal.aborted && !(reason instanceof RuntimeError);
    if (!isOfCaller) statistics.failures.note(reason);
    throw reason;
  } finally {
    release();
  }
}

function classifyOutputs(
  outputs: readonly Tensor[],
  { configuration, loaded, settings }: ModelRecord,
  { classes }: InferenceRequest,
): Tensor[] {
  return outputs.map((tensor) => {
    const count = classes?.get(tensor.name);
    if (count === undefined) return tensor;
    const { outputs: specs = [] } = loaded === undefined ? {} : describedOf(loaded, settings);
    const spec = specs.find(({ name }) => name === tensor.name);
    // Triton's guess for a model without a configuration.
    const looksBatched = tensor.shape.length > 1 && spec?.shape[0] === -1;
    const isBatched = configuration.isBatched ?? looksBatched;
    const labels = configuration.labels.get(tensor.name);
    return classify(tensor, { count, labels, isBatched });
  });
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
