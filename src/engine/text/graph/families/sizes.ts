import type { ConfigReader } from "../layers/config-reader.ts";

/** How many numbers a head has. Throws "invalid-argument" if the heads do not divide the width. */
export function headSize(config: ConfigReader, width: number, heads: number): number {
  if (width % heads === 0) return width / heads;
  throw config.wrong("num_attention_heads", heads, `a divisor of the width, ${width}`);
}

/** Far above any encoder. What is made per layer is small, but a number may be anything. */
const maxLayers = 1000;

/** How many layers a model has. Throws "invalid-argument" for more than any model has. */
export function layerCount(config: ConfigReader, keys: string | readonly string[]): number {
  const count = config.size(keys);
  if (count <= maxLayers) return count;
  const key = typeof keys === "string" ? keys : (keys[0] ?? "");
  throw config.wrong(key, count, `at most ${maxLayers}`);
}
