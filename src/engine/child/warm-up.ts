import { describeError } from "../../base/errors.ts";
import { elementBytes, type Tensor, type TensorSpec } from "../../base/tensor.ts";
import type { HostModel } from "../contract/host-engine.ts";
import { variableDimension } from "../contract/variable-dimension.ts";
import type { WarmUpOutcome } from "../wire/host-messages.ts";

/** A second run may need blocks of other sizes than the first one left behind. A third never did. */
const runsOfShape = 2;
/** A first run that takes longer is not repeated; memory of a second run is then not counted. */
const maxFirstRunMs = 500;
/** Limit for all inputs together. */
const maxInputBytes = 64 * 1024 * 1024;

/** Runs `model` on zeros, or on what it gives in their place, so that its memory is that of a model in use: once on one row, then twice on
 *  `mostRows`. Blocks until the runs have ended. */
export async function warmUp(model: HostModel, mostRows: number): Promise<WarmUpOutcome> {
  const specs = model.inputs.filter(({ isOptional }) => !isOptional);
  const unshaped = specs.find(({ hasAnyRank }) => hasAnyRank);
  if (unshaped !== undefined) {
    return { tag: "skipped", reason: `its input '${unshaped.name}' has no shape to make zeros of` };
  }
  const sample = (rows: number) => model.sampleInputs?.(rows) ?? zeroInputs(specs, rows);
  const inputs = sample(1);
  if (inputs === undefined) {
    return { tag: "skipped", reason: `its inputs would take more than ${maxInputBytes} bytes` };
  }
  const outputs = model.outputs.map(({ name }) => name);
  const startMs = performance.now();
  try {
    await model.run(inputs, outputs);
  } catch (error) {
    return { tag: "failed", reason: describeError(error) };
  }
  const firstMs = performance.now() - startMs;
  if (firstMs > maxFirstRunMs) return { tag: "warmed", rows: 1 };
  const hasRows = specs.some(({ shape }) => shape[0] === -1);
  const rows = hasRows ? mostRows : 1;
  const joined = sample(rows);
  if (joined === undefined) return { tag: "warmed", rows: 1 };
  try {
    for (let run = 0; run < runsOfShape; run++) await model.run(joined, outputs);
  } catch {
    // A model that takes exactly one row is not batched either.
    return { tag: "warmed", rows: 1 };
  }
  return { tag: "warmed", rows };
}

/** One tensor of zeros for each input, or of empty strings for BYTES; undefined if they would be too big.
 *  Variable first dimensions become `rows`, other variable ones 16. */
export function zeroInputs(
  specs: readonly TensorSpec[],
  rows: number,
): readonly Tensor[] | undefined {
  let totalBytes = 0;
  const planned: { spec: TensorSpec; shape: number[]; sizeBytes: number }[] = [];
  for (const spec of specs) {
    const shape = spec.shape.map((size, axis) => {
      if (size >= 0) return size;
      return axis === 0 ? rows : variableDimension;
    });
    // An empty string is encoded as its length, 0.
    const perElement = elementBytes[spec.datatype] ?? 4;
    const sizeBytes = shape.reduce((product, size) => product * size, perElement);
    totalBytes += sizeBytes;
    if (!(totalBytes <= maxInputBytes)) return undefined;
    planned.push({ spec, shape, sizeBytes });
  }
  return planned.map(({ spec: { name, datatype }, shape, sizeBytes }) => {
    return { name, datatype, shape, data: new Uint8Array(sizeBytes) };
  });
}
