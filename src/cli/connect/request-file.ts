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

/** Reads the inputs of a request for REST (`{"inputs": [{"name", "shape", "data"}]}`), "-" for stdin. The
 *  datatypes are those of the model. Throws CommandError. */
export async function readRequestFile(
  file: string,
  specs: readonly TensorSpec[],
  stdin: NodeJS.ReadableStream,
): Promise<RawTensor[]> {
  const bytes = await readFileOrStdin(file, stdin, "--request");
  const bad = (problem: string) =>
    usageError(
      `--request ${file}: ${problem}`,
      "see docs/inference.md for the form of REST requests",
    );
  let request: unknown;
  try {
    request = parseExactly(bytes.toString("utf8"), { bareNumbers: true });
  } catch (error) {
    throw bad(`no JSON (${describeError(error)})`);
  }
  const { inputs } = fields(request);
  if (!Array.isArray(inputs)) throw bad('it has no list of "inputs"');
  return inputs.map((input: unknown) => {
    const { name, shape, data } = fields(input);
    const spec = specs.find((one) => one.name === name);
    if (spec === undefined) {
      throw bad(
        `${JSON.stringify(name)} is no input of the model: ${specs.map(showSpec).join("; ")}`,
      );
    }
    const value = readNested(data, spec);
    if (!isShape(shape)) throw bad(`the shape of "${spec.name}" is no list of sizes`);
    const count = shape.reduce((product, dimension) => product * dimension, 1);
    if (count !== value.elements.length) {
      throw bad(
        `"${spec.name}" has ${value.elements.length} elements, and its shape says ${count}`,
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
