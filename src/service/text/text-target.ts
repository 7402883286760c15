import type { CancelSignal } from "../../base/cancel-signal.ts";
import type { InferenceTimes } from "../../base/inference-times.ts";
import type { Tensor } from "../../base/tensor.ts";
import type { TextFacts } from "../../engine/contract/text-facts.ts";

/** One generation of a text model, held in memory while a call uses it. */
export interface TextTarget {
  /** For messages. */
  readonly label: string;
  /** As `ModelRecord.generation`. */
  readonly generation: number;
  readonly facts: TextFacts;
  /** The cache was asked for all texts of a call. `isHit`: it had them all. */
  noteLookup?(isHit: boolean, tookMs: number): void;
  /** Runs one request in the engine's own terms: `items` are the rows of its only input, packed. Rejects as
   *  `Models.infer` does. */
  run(
    items: Uint8Array,
    options: {
      readonly rows: number;
      /** Outputs of the engine, in this order. */
      readonly outputs: readonly string[];
      readonly signal: CancelSignal;
      readonly times: InferenceTimes | undefined;
    },
  ): Promise<readonly Tensor[]>;
}
