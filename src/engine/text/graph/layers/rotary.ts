import { RuntimeError } from "../../../../base/errors.ts";
import type { ConfigReader } from "./config-reader.ts";
import type { Network } from "./network.ts";

/** Four times that of any model. */
const maxHeadSize = 1024;

/** The angles of all positions, which queries and keys are turned by: FP32 `[tokens, size / 2]` each. */
export interface Rotation {
  readonly cosine: string;
  readonly sine: string;
}

/** `size`: numbers in a head. Throws "invalid-argument" for one that cannot be rotated. The angles are computed in each run: a table of all positions would be larger than the rest
 *  of the graph. */
export function rotation(net: Network, theta: number, size: number): Rotation {
  const { ops } = net;
  if (size % 2 !== 0 || size > maxHeadSize) {
    throw new RuntimeError(
      "invalid-argument",
      `config.json makes heads of ${size} numbers, expected an even number up to ${maxHeadSize}: they are rotated in pairs`,
    );
  }
  // Rounded in each step as PyTorch does: at position 8,000, the last bit of a frequency is seen in the result.
  const frequencies = Array.from({ length: size / 2 }, (_, at) =>
    Math.fround(1 / Math.fround(theta ** Math.fround((2 * at) / size))),
  );
  const positions = ops.unsqueeze(ops.cast(net.positions, "float"), [1]);
  const angles = ops.multiply(positions, ops.floats(frequencies, [1, size / 2]));
  return { cosine: ops.node("Cos", [angles]), sine: ops.node("Sin", [angles]) };
}

/** Turns the pairs that the two halves of a head form. `x`: `[…, tokens, size]`. */
export function rotate(net: Network, x: string, { cosine, sine }: Rotation): string {
  const { ops } = net;
  const [low = "", high = ""] = ops.split(x, 2);
  return ops.concatenate([
    ops.subtract(ops.multiply(low, cosine), ops.multiply(high, sine)),
    ops.add(ops.multiply(high, cosine), ops.multiply(low, sine)),
  ]);
}

/** Refuses angles that are scaled or reach only a part of a head. `parameters`: an object that says so. */
export function checkRotation(parameters: ConfigReader): void {
  for (const key of ["rope_type", "type"]) parameters.expect(key, "default");
  for (const key of ["partial_rotary_factor", "factor"]) parameters.expect(key, 1);
}
