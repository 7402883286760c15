import { RuntimeError } from "../../../../base/errors.ts";
import type { ElementType } from "../../../onnx/write/graph-tensor.ts";
import type { TensorPlace, TensorTable } from "../../safetensors/tensor-table.ts";
import type { DataPlaces } from "./data-places.ts";
import type { TensorOps } from "./tensor-ops.ts";

/** The types that weights may have, by their names in ONNX. */
const elementTypes: Readonly<Partial<Record<TensorPlace["type"], ElementType>>> = {
  F32: "float",
  F16: "float16",
  BF16: "bfloat16",
};

/** What old files of BERT call these. */
const oldEndings = [
  ["LayerNorm.weight", "LayerNorm.gamma"],
  ["LayerNorm.bias", "LayerNorm.beta"],
] as const;

const maxShown = 5;

/** The weights of a model as values of a graph. They stay in their files. Methods throw RuntimeError "invalid-argument"
 *  for a tensor that is missing, or that has another shape or type than the model's. */
export class Weights {
  readonly #ops: TensorOps;
  readonly #table: TensorTable;
  readonly #places: DataPlaces;
  readonly #prefix: string;
  readonly #values: Map<string, string>;

  constructor(source: {
    readonly ops: TensorOps;
    readonly table: TensorTable;
    readonly places: DataPlaces;
    readonly prefix?: string;
    readonly values?: Map<string, string>;
  }) {
    this.#ops = source.ops;
    this.#table = source.table;
    this.#places = source.places;
    this.#prefix = source.prefix ?? "";
    this.#values = source.values ?? new Map();
  }

  /** Those whose names start with `prefix`, by the rest of their names. */
  below(prefix: string): Weights {
    return new Weights({
      ops: this.#ops,
      table: this.#table,
      places: this.#places,
      prefix: this.#prefix + prefix,
      values: this.#values,
    });
  }

  has(name: string): boolean {
    return this.#find(name) !== undefined;
  }

  /** The sizes of a tensor. */
  shapeOf(name: string): readonly number[] {
    return this.#need(name).shape;
  }

  /** As floats. */
  tensor(name: string, shape: readonly number[]): string {
    const { value, type } = this.#stored(name, shape);
    return type === "F32"
      ? value
      : this.#once(`${value} wide`, () => this.#ops.cast(value, "float"));
  }

  /** Rows of a `[rows, columns]` table at `indices`, as floats. Only these rows are widened: the table stays as it is
   *  stored. */
  rows(name: string, shape: readonly number[], indices: string): string {
    const { value, type } = this.#stored(name, shape);
    const found = this.#ops.gather(value, indices);
    return type === "F32" ? found : this.#ops.cast(found, "float");
  }

  #stored(name: string, shape: readonly number[]) {
    const place = this.#need(name);
    const full = `${this.#prefix}${name}`;
    const type = elementTypes[place.type];
    if (type === undefined) {
      throw this.#wrong(place, full, `is of the type ${place.type}, expected F32, F16 or BF16`);
    }
    if (place.shape.length !== shape.length || place.shape.some((size, at) => size !== shape[at])) {
      throw this.#wrong(
        place,
        full,
        `has the shape [${place.shape.join(", ")}], expected [${shape.join(", ")}] after config.json`,
      );
    }
    const value = this.#once(full, () =>
      this.#ops.graph.stored({
        type,
        shape,
        location: this.#places.nameOf(place.file),
        offset: place.offset,
        length: place.length,
      }),
    );
    return { value, type: place.type };
  }

  #once(key: string, make: () => string): string {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#values.set(key, made);
    return made;
  }

  #need(name: string): TensorPlace {
    const place = this.#find(name);
    if (place !== undefined) return place;
    const found = [...this.#table.keys()].slice(0, maxShown).join(", ");
    throw new RuntimeError(
      "invalid-argument",
      `the weights have no tensor '${this.#prefix}${name}', which config.json requires; ` +
        `there are ${this.#table.size}, such as ${found || "none"} (in ${this.#places.files.join(", ")})`,
    );
  }

  #find(name: string): TensorPlace | undefined {
    const full = `${this.#prefix}${name}`;
    const place = this.#table.get(full);
    if (place !== undefined) return place;
    for (const [ending, old] of oldEndings) {
      if (full.endsWith(ending)) return this.#table.get(full.slice(0, -ending.length) + old);
    }
    return undefined;
  }

  #wrong({ file }: TensorPlace, name: string, why: string): RuntimeError {
    return new RuntimeError("invalid-argument", `${file}: tensor '${name}' ${why}`);
  }
}
