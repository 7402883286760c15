import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A model as its library saved it, and what the library answers for `rows`. */
export interface GoldenFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Columns of `parts.rows`. */
  readonly columns: number;
  /** Matrices with one row per row of `rows`, float32. */
  readonly parts: Readonly<Record<string, Float32Array>> & { readonly rows: Float32Array };
}

const rowCount = 64;

/** All golden files of a folder below test/fixtures/trees whose matrices are float32. Its index.json gives the matrices of each
 *  model, with their widths; they follow each other in the file of the same name that ends in .bin. */
export function readGoldenFiles(family: string): GoldenFile[] {
  const directory = join(import.meta.dirname, "../../fixtures/trees", family);
  const index = JSON.parse(readFileSync(join(directory, "index.json"), "utf8")) as Record<
    string,
    Record<string, number>
  >;
  return Object.entries(index).map(([name, widths]) => {
    const stored = readFileSync(join(directory, name.replace(/\.[a-z]+$/, ".bin")));
    const numbers = new Float32Array(Uint8Array.from(stored).buffer);
    const parts: Record<string, Float32Array> = {};
    let at = 0;
    for (const [part, width] of Object.entries(widths)) {
      parts[part] = numbers.subarray(at, at + rowCount * width);
      at += rowCount * width;
    }
    const { rows = new Float32Array() } = parts;
    const bytes = readFileSync(join(directory, name));
    return { name, bytes, columns: widths["rows"] ?? 0, parts: { ...parts, rows } };
  });
}
