import type { TensorSpec } from "../../base/tensor.ts";
import type { RunSettings } from "../../config/run-settings.ts";
import type { Joining, ModelMetadata } from "../contract/engine.ts";
import type { RowProof } from "../contract/model-format.ts";

/** What a load knows about joining its model's requests. */
export interface JoiningTerms {
  readonly rowProof: RowProof;
  /** Rows of a run that the model's memory allows for. */
  readonly cheapRows: number;
  /** As `EngineFormat.joinedBytes`. */
  readonly mostBytes: number | undefined;
  /** What was wrong with earlier joined runs of this very file. */
  readonly fault: string | undefined;
  /** As `onJoinedWrong` of `Engine.load`. */
  onWrong(joining: Joining): void;
}

/** Whether a model's requests are joined: only if its rows are proven to be independent, or if its own
 *  settings promise it. A default for all models promises nothing about any one. */
export function joiningOf(
  metadata: ModelMetadata,
  { maxBatchSize, promisesRows }: RunSettings,
  { rowProof, fault }: Pick<JoiningTerms, "rowProof" | "fault">,
): Joining {
  if (maxBatchSize < 2) return off(`max_batch_size is ${maxBatchSize}`);
  const fixed = withoutRows("input", metadata.inputs) ?? withoutRows("output", metadata.outputs);
  if (fixed !== undefined) return off(fixed);
  if (fault !== undefined) return off(fault);
  if (rowProof.isProven) return { state: "proven", reason: "its rows are proven independent" };
  if (promisesRows) {
    return { state: "promised", reason: `its own settings say max_batch_size ${maxBatchSize}` };
  }
  if (rowProof.promise !== undefined) return { state: "promised", reason: rowProof.promise };
  return off(rowProof.reason);
}

function off(reason: string): Joining {
  return { state: "off", reason };
}

/** Which inputs or outputs cannot have a variable number of rows. */
function withoutRows(role: "input" | "output", specs: readonly TensorSpec[]): string | undefined {
  if (specs.every(({ isOptional }) => isOptional)) return `it has no ${role}s`;
  // A request that gives an optional input is never joined.
  const fixed = specs.find(({ shape, isOptional }) => shape[0] !== -1 && !isOptional);
  if (fixed === undefined) return undefined;
  const { name, shape, hasAnyRank } = fixed;
  if (hasAnyRank) return `${role} '${name}' may have any number of dimensions`;
  const what = shape.length === 0 ? "is a scalar" : `has the fixed first dimension ${shape[0]}`;
  return `${role} '${name}' ${what}`;
}
