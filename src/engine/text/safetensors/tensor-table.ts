import type { StoredType } from "./stored-type.ts";

/** Where a tensor is. Its elements are row-major and little-endian. */
export interface TensorPlace {
  readonly type: StoredType;
  readonly shape: readonly number[];
  readonly file: string;
  /** From the start of the file, in bytes. It need not be aligned. */
  readonly offset: number;
  /** In bytes. */
  readonly length: number;
}

/** By name. */
export type TensorTable = ReadonlyMap<string, TensorPlace>;
