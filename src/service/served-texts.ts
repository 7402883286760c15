import type { CancelSignal } from "../base/cancel-signal.ts";
import { RuntimeError } from "../base/errors.ts";
import type { TextFacts } from "../engine/contract/text-facts.ts";
import { itemInput } from "../engine/text/items/run-terms.ts";
import type { InferenceRequest, InferenceResult } from "./contract/models.ts";
import type { ServingText } from "./contract/text.ts";
import { runInference } from "./inference-run.ts";
import type { ModelLifecycle } from "./lifecycle/model-lifecycle.ts";
import { splitVersionedId } from "./lifecycle/model-name.ts";
import type { ModelRecord } from "./lifecycle/model-record.ts";
import type { ModelDirectory } from "./model-directory.ts";
import type { EmbeddingCache } from "./text/embedding-cache.ts";
import { inferTexts } from "./text/text-inference.ts";
import type { TextModels } from "./text/text-service.ts";
import type { TextTarget } from "./text/text-target.ts";
import { textFactsOf } from "./text-facts-of.ts";

/** The text models among those that serve. */
export class ServedTexts implements TextModels {
  readonly #directory: ModelDirectory;
  readonly #lifecycle: ModelLifecycle;
  readonly #cache: EmbeddingCache | undefined;
  /** Generations whose vectors are forgotten when they end. */
  readonly #cached = new WeakSet<ModelRecord>();

  constructor(parts: {
    readonly directory: ModelDirectory;
    readonly lifecycle: ModelLifecycle;
    readonly cache: EmbeddingCache | undefined;
  }) {
    this.#directory = parts.directory;
    this.#lifecycle = parts.lifecycle;
    this.#cache = parts.cache;
  }

  facts(id: string): TextFacts {
    return factsOf(this.#directory.servingNamed(id));
  }

  serving(): readonly ServingText[] {
    return this.#directory.servingTexts();
  }

  async use<Result>(
    id: string,
    signal: CancelSignal,
    work: (target: TextTarget) => Promise<Result>,
  ): Promise<Result> {
    signal.throwIfAborted();
    return await this.#useRecord(this.#directory.servingNamed(id), work);
  }

  /** As `Models.infer`, on a record that has `textFactsOf`. */
  async infer(
    record: ModelRecord,
    request: InferenceRequest,
    signal: CancelSignal,
  ): Promise<InferenceResult> {
    const outputs = await this.#useRecord(record, (target) =>
      inferTexts({ target, cache: this.#cache }, request, signal),
    );
    return { version: splitVersionedId(record.id).version, outputs };
  }

  /** All runs of a call are of one generation: vectors of two models have nothing in common. */
  async #useRecord<Result>(
    record: ModelRecord,
    work: (target: TextTarget) => Promise<Result>,
  ): Promise<Result> {
    const { label, generation } = record;
    const facts = factsOf(record);
    const release = record.leases.acquire();
    this.#forgetAtEnd(record);
    try {
      return await work({
        label,
        generation,
        facts,
        noteLookup: (isHit, tookMs) => record.statistics.noteLookup(isHit, tookMs),
        run: async (items, { rows, outputs, signal, times }) => {
          const input = { name: itemInput, datatype: "BYTES", shape: [rows], data: items } as const;
          const request = { version: "", inputs: [input], outputs, times };
          const result = await runInference(record, request, {
            lifecycle: this.#lifecycle,
            signal,
          });
          return result.outputs;
        },
      });
    } finally {
      release();
    }
  }

  #forgetAtEnd(record: ModelRecord): void {
    const cache = this.#cache;
    if (cache === undefined || this.#cached.has(record)) return;
    this.#cached.add(record);
    void record.gone.promise.then(() => cache.forget(record.generation));
  }
}

/** Throws "failed-precondition" if it is no text model. */
function factsOf(record: ModelRecord): TextFacts {
  const facts = textFactsOf(record);
  if (facts !== undefined) return facts;
  throw new RuntimeError(
    "failed-precondition",
    `model '${record.label}' is not a text model: call it with the Open Inference Protocol, and see ` +
      "docs/text-models.md for what makes a folder one",
  );
}
