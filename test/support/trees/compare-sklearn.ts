import { answersOf, expectedValues, type GoldenModel } from "./sklearn-golden.ts";

/** How far an output may be from what scikit-learn answered. */
interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
}

const exact: Tolerance = { absolute: 0, relative: 0 };
/** e^x of ONNX Runtime and of numpy differ in their last bits. */
const powers: Tolerance = { absolute: 4e-16, relative: 4 * 2 ** -52 };
/** Sums that begin with numpy's logarithm, whose last bit depends on the processor. */
const logarithms: Tolerance = { absolute: 2e-15, relative: 1e-15 };
/** Products of matrices are added up in an order of their own. */
const products: Tolerance = { absolute: 1e-12, relative: 1e-12 };

/** Powers in float32: XGBoost and we round them in other places. */
const singlePowers: Tolerance = { absolute: 0, relative: 2 * 2 ** -23 };

function toleranceOf(model: string, output: string): Tolerance {
  if (model === "xgb-poisson") return singlePowers;
  if (/^(?:xgb|lgb)/.test(model)) {
    if (output !== "predict_proba") return exact;
    return model.startsWith("xgb") ? singlePowers : powers;
  }
  if (/^(?:tree|forest|extra|columns|imputer|polynomial|one-hot)/.test(model)) return exact;
  if (/^(?:named-|pipeline-forest)/.test(model)) return exact;
  if (model === "histogram-poisson") return powers;
  if (/^histogram|^boosting-(?:zero|values|huber)/.test(model)) {
    return output === "predict_proba" ? powers : exact;
  }
  return model.startsWith("boosting") ? logarithms : products;
}

/** `undefined` if the values are as close as they have to be. Texts, labels and flags have to be the same. */
function difference(
  found: readonly unknown[],
  expected: readonly unknown[],
  { absolute, relative }: Tolerance,
): string | undefined {
  if (found.length !== expected.length) return `${found.length} values, not ${expected.length}`;
  for (const [at, wanted] of expected.entries()) {
    const value = found[at];
    if (Object.is(value, wanted) || value === wanted) continue;
    const isClose =
      typeof value === "number" &&
      typeof wanted === "number" &&
      Math.abs(value - wanted) <= absolute + relative * Math.abs(wanted);
    if (!isClose) return `value ${at} is ${value}, not ${wanted}`;
  }
  return undefined;
}

/** Whether every bit of the model's labels or values has to be the same. */
export function isExact(name: string): boolean {
  return toleranceOf(name, "predict") === exact;
}

/** Where answers in batches of `batch` rows are not as close to the golden ones as they have to be, one sentence each.
 *  `name`: says of what kind the model is. */
export function differences(
  name: string,
  onnx: Uint8Array,
  { golden, batch }: { readonly golden: GoldenModel; readonly batch: number },
): string[] {
  const answers = answersOf(onnx, golden.inputs, batch);
  const faults: string[] = [];
  for (const [output, expected] of Object.entries(golden.outputs)) {
    const found = answers.get(output);
    if (found === undefined) {
      faults.push(`${name}: no output ${output}`);
      continue;
    }
    const datatypes = {
      double: "FP64",
      float: "FP32",
      int64: "INT64",
      bool: "BOOL",
      string: "BYTES",
    };
    if (found.datatype !== datatypes[expected.type]) {
      faults.push(`${name}: ${output} is ${found.datatype}, not ${expected.type}`);
    }
    if (`${found.shape}` !== `${expected.shape}`) {
      faults.push(`${name}: ${output} has shape [${found.shape}], not [${expected.shape}]`);
    }
    const tolerance = toleranceOf(name, output);
    const fault = difference(found.values, expectedValues(expected), tolerance);
    if (fault !== undefined) faults.push(`${name}: ${output} in batches of ${batch}: ${fault}`);
  }
  return faults;
}
