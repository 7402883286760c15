import { readFileSync } from "node:fs";
import { brotliDecompressSync } from "node:zlib";

/** A dimension that onnx's inference does not know is null; an output without a shape, or no tensor, too. */
type Dims = readonly (number | null)[];

/** A model of one operator of the onnx package, with what is said of its outputs' shapes. */
export interface ShapeCase {
  readonly name: string;
  /** With its domain, or "expanded" for a graph of many. */
  readonly op: string;
  readonly inferred: readonly (Dims | null)[];
  readonly actual: readonly (readonly number[] | null)[];
  readonly model: Uint8Array;
}

type Entry = Omit<ShapeCase, "model"> & { readonly bytes: number };

/** What make-shape-cases.py has written. */
export function shapeCases(): readonly ShapeCase[] {
  const packed = readFileSync(new URL("shape-cases.br", import.meta.url));
  const all = brotliDecompressSync(packed);
  let at = 4 + all.readUInt32LE(0);
  const entries: readonly Entry[] = JSON.parse(all.toString("utf8", 4, at));
  return entries.map(({ bytes, ...entry }) => {
    at += bytes;
    return { ...entry, model: all.subarray(at - bytes, at) };
  });
}
