import type { NumpyDtype } from "./numpy-dtype.ts";
import type { PythonValue } from "./python-value.ts";
import { refuse } from "./refuse.ts";

/** An array of a file. */
export class NumpyArray {
  readonly dtype: NumpyDtype;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly size: number;
  /** Elements as they lie in the file, not copied; or objects. */
  readonly content: Uint8Array | readonly PythonValue[];
  /** Whether the first index varies fastest. */
  readonly isFortran: boolean;

  constructor(options: {
    readonly dtype: NumpyDtype;
    readonly shape: readonly number[];
    readonly content: Uint8Array | readonly PythonValue[];
    readonly isFortran?: boolean;
  }) {
    const { dtype, shape, content } = options;
    this.dtype = dtype;
    this.shape = shape;
    this.size = elementsOf(shape);
    this.content = content;
    this.isFortran = options.isFortran === true && shape.length > 1;
    const isBytes = content instanceof Uint8Array;
    const wanted = isBytes ? this.size * dtype.itemBytes : this.size;
    if (isBytes === (dtype.kind === "O") || content.length !== wanted) {
      refuse(
        `the file has an array of shape (${shape.slice(0, 8).join(", ")}) and dtype ${dtype} with ${content.length} ` +
          `${isBytes ? "bytes" : "items"} instead of ${wanted}: the file is damaged`,
      );
    }
  }
}

/** Throws for a shape that no memory can hold. */
export function elementsOf(shape: readonly number[]): number {
  let size = 1;
  for (const dimension of shape) {
    if (!Number.isSafeInteger(dimension) || dimension < 0) size = Number.NaN;
    size *= dimension;
  }
  if (shape.length > 32 || !Number.isSafeInteger(size)) {
    refuse("the file has an array of an impossible shape: the file is damaged");
  }
  return size;
}
