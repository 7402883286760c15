import { closeSync } from "node:fs";
import { RuntimeError } from "../../../../base/errors.ts";
import { fromFileError } from "../../../../base/files/file-errors.ts";
import { openRegularFileSync } from "../../../../base/files/regular-file.ts";
import { modelFields } from "../../../onnx/rewrite/field-numbers.ts";
import {
  type GraphOutline,
  isDefaultDomain,
  readOutline,
} from "../../../onnx/rewrite/graph-outline.ts";
import type { GraphValue } from "../../../onnx/rewrite/graph-value.ts";
import { type Field, ModelReader } from "../../../onnx/rewrite/model-reader.ts";

/** A tensor that goes into or comes out of an exported graph. */
export interface ExportedValue {
  readonly name: string;
  /** TensorProto.DataType number. */
  readonly datatype: number;
  /** A size, or undefined for one that the file does not fix. The list is undefined if not even their number is given. */
  readonly sizes: readonly (number | undefined)[] | undefined;
}

/** An ONNX file that others exported, open for reading. */
export interface ExportedModel {
  readonly file: string;
  readonly reader: ModelReader;
  readonly outline: GraphOutline;
  /** Domain -> version. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly inputs: readonly ExportedValue[];
  readonly outputs: readonly ExportedValue[];
}

/** Calls `read` with the model in `file`. Throws RuntimeError "invalid-argument" for what is not an ONNX model of tensors,
 *  otherwise as `fromFileError`, and what `read` throws. Blocks. */
export function withExportedModel<T>(file: string, read: (model: ExportedModel) => T): T {
  checkRegularFile(file);
  const reader = new ModelReader(file);
  try {
    const outline = readOutline(reader);
    if (outline === undefined) {
      throw new RuntimeError("invalid-argument", `${file} is not an ONNX model: it has no graph`);
    }
    const value = (from: GraphValue) => readExported(file, reader, from);
    const initialized = outline.initialized;
    return read({
      file,
      reader,
      outline,
      opsets: opsetsOf(reader, outline),
      // Old files list their weights among the inputs.
      inputs: outline.inputs.filter(({ name }) => !initialized.has(name)).map(value),
      outputs: outline.outputs.map(value),
    });
  } finally {
    reader.close();
  }
}

/** The reader would wait at a FIFO. */
function checkRegularFile(file: string): void {
  try {
    closeSync(openRegularFileSync(file).descriptor);
  } catch (error) {
    throw fromFileError(error, file);
  }
}

function opsetsOf(reader: ModelReader, { around }: GraphOutline): ReadonlyMap<string, number> {
  const opsets = new Map<string, number>();
  for (const field of around) {
    if (field.number !== modelFields.opsetImport || !field.isBytes) continue;
    let domain = "";
    let version = 0;
    for (const part of reader.fields(field.content, field.end)) {
      if (part.number === 1) domain = reader.text(part);
      else if (part.number === 2) version = part.value;
    }
    opsets.set(isDefaultDomain(domain) ? "" : domain, version);
  }
  return opsets;
}

function readExported(
  file: string,
  reader: ModelReader,
  { name, type }: GraphValue,
): ExportedValue {
  if (type.tag !== "tensor") {
    throw new RuntimeError(
      "invalid-argument",
      `${file}: '${name}' is a ${type.tag}, expected tensors only`,
    );
  }
  const { datatype, shape } = type;
  return { name, datatype, sizes: shape && sizesOf(reader, shape) };
}

/** `shape`: a TensorShapeProto. */
function sizesOf(reader: ModelReader, shape: Field): (number | undefined)[] {
  const sizes: (number | undefined)[] = [];
  for (const dimension of reader.fields(shape.content, shape.end)) {
    if (dimension.number !== 1) continue;
    let size: number | undefined;
    for (const part of reader.fields(dimension.content, dimension.end)) {
      if (part.number === 1) size = part.value;
    }
    sizes.push(size);
  }
  return sizes;
}
