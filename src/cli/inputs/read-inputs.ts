import { readFileSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { packElements } from "../../base/bytes-elements.ts";
import { describeError } from "../../base/errors.ts";
import { parseExactly } from "../../base/exact-json.ts";
import { usageError } from "../command-error.ts";
import { columnInput, readColumns } from "./column-values.ts";
import { readNpy } from "./npy-file.ts";
import {
  isOptional,
  type RawTensor,
  readNested,
  showSpec,
  type TensorSpec,
  type TensorValue,
  toTensor,
} from "./tensor-value.ts";

/** Reads operands such as `image=@digit.npy` and `measurements=[[6.0, 2.7, 5.1, 1.6]]`. A model with one input
 *  needs no name, and may have columns with names: `age=41 income=null`. `@-` is stdin. Throws CommandError. */
export async function readInputs(
  operands: readonly string[],
  specs: readonly TensorSpec[],
  stdin: NodeJS.ReadableStream,
): Promise<RawTensor[]> {
  const byColumn = columnInput(operands, specs);
  if (byColumn !== undefined) return [readColumns(operands, byColumn)];
  const given = new Map<string, RawTensor>();
  for (const operand of operands) {
    const { spec, text } = splitOperand(operand, specs);
    if (given.has(spec.name)) throw usageError(`input "${spec.name}" is given twice`);
    given.set(spec.name, toTensor(spec, await readValue(text, spec, stdin)));
  }
  return [...given.values()];
}

function splitOperand(operand: string, specs: readonly TensorSpec[]) {
  const named = specs.find(({ name }) => operand.startsWith(`${name}=`));
  if (named !== undefined) return { spec: named, text: operand.slice(named.name.length + 1) };
  const [only, ...others] = specs.filter((spec) => !isOptional(spec));
  if (others.length === 0 && only !== undefined) return { spec: only, text: operand };
  throw usageError(
    `"${operand.slice(0, 60)}" does not name an input of the model`,
    `expected NAME=VALUE with one of: ${specs.map(showSpec).join("; ")}`,
  );
}

async function readValue(
  text: string,
  spec: TensorSpec,
  stdin: NodeJS.ReadableStream,
): Promise<TensorValue> {
  if (!text.startsWith("@")) return readText(text, spec);
  const file = text.slice(1);
  const bytes = await readFileOrStdin(file, stdin, `input "${spec.name}"`);
  if (file.endsWith(".npy") || (file === "-" && bytes[0] === 0x93)) {
    try {
      return readNpy(bytes);
    } catch (error) {
      throw usageError(`${file}: ${describeError(error)}`);
    }
  }
  // An image for a model that decodes it: the whole file is one element.
  if (spec.datatype === "BYTES" && !file.endsWith(".json")) {
    return { shape: [1], elements: packElements([bytes]) };
  }
  return readText(bytes.toString("utf8"), spec, file);
}

function readText(text: string, spec: TensorSpec, file?: string): TensorValue {
  let json: unknown;
  try {
    json = parseExactly(text, { bareNumbers: spec.datatype !== "BYTES" });
  } catch (error) {
    // A plain word needs no quotes, because shells remove them.
    if (spec.datatype === "BYTES" && file === undefined) return { shape: [1], elements: [text] };
    const what = file ?? `"${text.slice(0, 60)}"`;
    throw usageError(
      `input "${spec.name}": ${what} is not JSON (${describeError(error)})`,
      "expected JSON, @FILE.json, @FILE.npy, or @- for stdin",
    );
  }
  return readNested(json, spec);
}

/** Throws CommandError. */
export async function readFileOrStdin(
  file: string,
  stdin: NodeJS.ReadableStream,
  what: string,
): Promise<Buffer> {
  try {
    return file === "-" ? await buffer(stdin) : readFileSync(file);
  } catch (error) {
    throw usageError(`${what}: ${describeError(error)}`);
  }
}
