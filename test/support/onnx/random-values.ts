import type { Datatype, Tensor } from "../../../src/base/tensor.ts";
import type { Random } from "../attacks/mutate.ts";
import { packElements, type TensorElement } from "../models/tensor-elements.ts";

// Small values, as they are among real ones: zeros, ones, negative numbers, and few enough to meet again.

/** Bits of 0, ±0.5, ±1, ±1.5, ±2 and ±3 as FP16. */
const halves = [
  0, 0x3800, 0xb800, 0x3c00, 0xbc00, 0x3e00, 0xbe00, 0x4000, 0xc000, 0x4200, 0xc200,
] as const;
const texts = ["", "a", "b", "ab", "a b", "b a c", "Ä", "c"] as const;

export function randomElement(random: Random, datatype: Datatype): TensorElement {
  switch (datatype) {
    case "BOOL":
      return random.below(2) === 0;
    case "BYTES":
      return random.pick(texts);
    case "FP16":
    case "BF16":
      return random.pick(halves);
    case "FP32":
    case "FP64":
      // Half of them are whole numbers.
      return random.below(2) === 0 ? random.below(9) - 4 : (random.below(8001) - 4000) / 1000;
    default: {
      const isSigned = datatype.startsWith("INT");
      return random.below(6) - (isSigned ? 2 : 0);
    }
  }
}

export function randomTensor(
  random: Random,
  { name, datatype, shape }: { name: string; datatype: Datatype; shape: readonly number[] },
): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  const elements = Array.from({ length: count }, () => randomElement(random, datatype));
  return { name, datatype, shape, data: packElements(datatype, elements) };
}
