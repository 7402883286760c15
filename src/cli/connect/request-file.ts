import { describeError } from "../../base/errors.ts";
import { parseExactly } from "../../base/exact-json.ts";
import { usageError } from "../command-error.ts";
import { readFileOrStdin } from "../inputs/read-inputs.ts";
import {
  type RawTensor,
  readNested,
  showSpec,
  type TensorSpec,
  toTensor,
} from "../inputs/tensor-value.ts";

/** Reads the inputs of a REST request (`{"inputs": [{"name", "shape", "data"}]}`), "-" for stdin. Datatypes
 *  come from the model. Throws CommandError. */
export async function readRequestFile(
  file: string,
  specs: readonly TensorSpec[],
  stdin: NodeJS.ReadableStream,
): Promise<RawTensor[]> {
  const bytes = await readFileOrStdin(file, stdin, "--request");
  const bad = (problem: string) =>
    usageError(
      `--request ${file}: ${problem}`,
      "docs/inference.md describes the format of REST requests",
    );
  let request: unknown;
  try {
    request = parseExactly(bytes.toString("utf8"), { bareNumbers: true });
  } catch (error) {
    throw bad(`no JSON (${describeError(error)})`);
  }
  const { inputs } = fields(request);
  if (!Array.isArray(inputs)) throw bad('it has no "inputs" array');
  return inputs.map((input: unknown) => {
    const { name, shape, data } = fields(input);
    const spec = specs.find((one) => one.name === name);
    if (spec === undefined) {
      throw bad(
        `${JSON.stringify(name)} is not an input of the model; expected ${specs.map(showSpec).join("; ")}`,
      );
    }
    const value = readNested(data, spec);
    if (!isShape(shape)) throw bad(`the shape of "${spec.name}" is not an array of sizes`);
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (count !== value.elements.length) {
      throw bad(
        `"${spec.name}" has ${value.elements.length} elements, but its shape needs ${count}`,
      );
    }
    return toTensor({ ...spec, shape: shape.map(BigInt) }, { ...value, shape });
  });
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

function isShape(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}
