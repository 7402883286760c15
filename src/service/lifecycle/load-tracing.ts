import { describeError, RuntimeError } from "../../base/errors.ts";
import { currentTrace, runTraced } from "../../observe/trace-scope.ts";
import type { SpanEnd, Tracing } from "../../observe/tracing.ts";
import { splitVersionedId } from "./model-name.ts";
import type { ModelRecord } from "./model-record.ts";

/** A span for each load and unload, and for each of its phases. */
export class LifecycleTracing {
  readonly #tracing: Tracing;

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  /** Runs `work`, which takes `record` through this part of its life, as a child span of the request for it. */
  async trace(
    part: "load" | "reload" | "unload",
    record: ModelRecord,
    work: () => Promise<void>,
  ): Promise<void> {
    const startMs = performance.now();
    const { name, version } = splitVersionedId(record.id);
    const span = this.#tracing.start({
      name: `model.${part}`,
      kind: "internal",
      parent: currentTrace(),
      startMs,
      attributes: {
        "modelport.model.id": name,
        ...(version === "" ? {} : { "modelport.model.version": version }),
        "modelport.model.generation": record.generation,
      },
    });
    try {
      await runTraced(span.context, work);
    } finally {
      const parent = span.context;
      for (const { phase, startMs: from, endMs } of record.times.all()) {
        if (from < startMs || !span.isRecording) continue;
        const phaseName = `model.${part}.${phase}`;
        this.#tracing
          .start({ name: phaseName, kind: "internal", parent, startMs: from })
          .end({ endMs });
      }
      span.end({ endMs: performance.now(), ...outcome(record) });
    }
  }
}

function outcome({ state, loaded }: ModelRecord): Pick<SpanEnd, "attributes" | "error"> {
  const attributes = {
    ...("sizeBytes" in state ? { "modelport.model.bytes": state.sizeBytes } : {}),
    ...(loaded === undefined ? {} : { "modelport.host.pid": loaded.hostPid }),
  };
  if (state.tag !== "failed") return { attributes };
  const { reason } = state;
  const type = reason instanceof RuntimeError ? reason.kind : "unforeseen";
  return { attributes, error: { type, message: describeError(reason) } };
}
