import { unpackElements } from "../../../base/bytes-elements.ts";
import { RuntimeError } from "../../../base/errors.ts";
import type { Tensor, TensorSpec } from "../../../base/tensor.ts";
import type { LoadPlan } from "../rewrite/load-plan.ts";
import type { NarrowEdge } from "../rewrite/narrow-edges.ts";
import { datatypeOf } from "../types/element-types.ts";
import { fromOrtValue, OrtValue, toOrtValue } from "../types/ort-value.ts";
import type { StringEscape } from "../types/string-escape.ts";

/** What a session reports about one of its inputs or outputs. */
export interface SessionValue {
  readonly name: string;
  readonly isTensor: boolean;
  /** TensorProto.DataType number. */
  readonly type: number;
  /** Negative for a variable dimension. */
  readonly shape: readonly number[];
}

/** An input or output: as clients see it, and as the session has it. */
export class SessionEdge {
  readonly spec: TensorSpec;
  /** The session's name for it. */
  readonly name: string;
  readonly #narrow: NarrowEdge | undefined;
  readonly #escape: StringEscape | undefined;

  /** Throws RuntimeError "invalid-argument" if it cannot be served. */
  constructor(value: SessionValue, role: "input" | "output", plan: LoadPlan) {
    this.name = value.name;
    this.#narrow = plan.narrow[`${role}s`].get(value.name);
    this.#escape = plan.escape;
    this.spec = toSpec(value, { role, plan, narrow: this.#narrow });
  }

  /** Throws RuntimeError "invalid-argument" for values that the engine cannot take. */
  toSession(tensor: Tensor): OrtValue {
    return this.#narrow?.type.widen(tensor) ?? toOrtValue(tensor, this.#escape);
  }

  /** For a value from the model's file, whose texts need not be UTF-8. */
  defaultValue(tensor: Tensor): OrtValue {
    if (tensor.datatype !== "BYTES") return this.toSession(tensor);
    const { shape, data } = tensor;
    const texts = unpackElements(Buffer.from(data.buffer, data.byteOffset, data.byteLength)).map(
      (text) => (this.#escape?.escape(text) ?? text).toString(),
    );
    return new OrtValue("string", texts, shape);
  }

  /** Throws RuntimeError "run-failed" for anything but a tensor that can be served. */
  fromSession(value: unknown): Tensor {
    const { name } = this.spec;
    if (this.#narrow !== undefined && value instanceof OrtValue) {
      return this.#narrow.type.narrow(name, value);
    }
    return fromOrtValue(name, value, this.#escape);
  }
}

function toSpec(
  value: SessionValue,
  known: {
    readonly role: "input" | "output";
    readonly plan: LoadPlan;
    readonly narrow: NarrowEdge | undefined;
  },
): TensorSpec {
  const { role, plan, narrow } = known;
  const name = narrow?.name ?? value.name;
  if (!value.isTensor) {
    throw new RuntimeError(
      "invalid-argument",
      `${role} '${name}' is a sequence, map or optional value, but only tensors can be served: ` +
        "export the model with tensors in its place",
    );
  }
  const datatype = narrow?.type.datatype ?? datatypeOf(value.type);
  if (datatype === undefined) {
    throw new RuntimeError(
      "invalid-argument",
      `${role} '${name}' has a datatype that cannot be served: number ${value.type} of TensorProto.DataType`,
    );
  }
  const shape = value.shape.map((dimension) => (dimension >= 0 ? dimension : -1));
  const { columns, parameters } = parametersOf(value, plan, narrow);
  const hasNoRank = shape.length === 0 && plan.anyRank.has(name);
  return {
    name,
    datatype,
    shape: columns === undefined ? shape : withColumns(shape, columns),
    ...(hasNoRank && columns === undefined && { hasAnyRank: true }),
    ...(role === "input" && plan.defaults.has(name) && { isOptional: true }),
    ...(parameters !== undefined && { parameters }),
  };
}

/** Rows of this many columns; the first dimension may be missing for a single row. */
function withColumns(shape: readonly number[], columns: number): readonly number[] {
  return shape.length === 0 ? [-1, columns] : [...shape.slice(0, -1), columns];
}

function parametersOf(
  { name }: SessionValue,
  { outputs }: LoadPlan,
  narrow: NarrowEdge | undefined,
): { readonly columns?: number; readonly parameters?: Readonly<Record<string, string>> } {
  if (narrow === undefined) return outputs.get(name) ?? {};
  const { datatype, onnxName } = narrow.type;
  return datatype === "BF16" ? {} : { parameters: { onnx_type: onnxName } };
}
