import fc from "fast-check";
import { type Datatype, elementBytes, type Tensor } from "../../../src/base/tensor.ts";
import { packElements, type TensorElement } from "./tensor-elements.ts";

const elements: Record<Datatype, fc.Arbitrary<TensorElement>> = {
  BOOL: fc.boolean(),
  INT8: fc.integer({ min: -128, max: 127 }),
  INT16: fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 }),
  INT32: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  INT64: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  UINT8: fc.integer({ min: 0, max: 255 }),
  UINT16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  UINT32: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  UINT64: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  FP16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  BF16: fc.integer({ min: 0, max: 2 ** 16 - 1 }),
  FP32: fc.float(),
  FP64: fc.double(),
  BYTES: fc.string({ unit: "binary" }),
};

const finite: Partial<typeof elements> = {
  FP32: fc.float({ noNaN: true, noDefaultInfinity: true }),
  FP64: fc.double({ noNaN: true, noDefaultInfinity: true }),
};

export interface RandomTensorOptions {
  readonly datatypes: readonly Datatype[];
  /** Without NaN and the infinities, which JSON cannot spell. */
  readonly finiteOnly?: boolean;
}

export const allDatatypes = Object.keys(elementBytes) as Datatype[];

/** Any tensor of up to four dimensions, scalars and empty ones among them. BYTES are UTF-8. */
function randomTensor(options: RandomTensorOptions): fc.Arbitrary<Omit<Tensor, "name">> {
  const dimension = fc.oneof(
    { weight: 12, arbitrary: fc.integer({ min: 1, max: 4 }) },
    { weight: 1, arbitrary: fc.constant(0) },
  );
  const shapes = fc.array(dimension, { maxLength: 4 });
  return fc.tuple(fc.constantFrom(...options.datatypes), shapes).chain(([datatype, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const element = (options.finiteOnly ? finite[datatype] : undefined) ?? elements[datatype];
    return fc
      .array(element, { minLength: count, maxLength: count })
      .map((values) => ({ datatype, shape, data: packElements(datatype, values) }));
  });
}

/** Several tensors, with names that differ. */
export function randomTensors(options: RandomTensorOptions): fc.Arbitrary<Tensor[]> {
  const names = fc.uniqueArray(fc.string({ unit: "grapheme" }), { maxLength: 4 });
  return names.chain((each) =>
    fc.tuple(...each.map((name) => randomTensor(options).map((tensor) => ({ name, ...tensor })))),
  );
}
