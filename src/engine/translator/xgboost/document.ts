// What JSON and UBJSON files consist of. Lists of numbers, which almost all of a model is, are typed arrays.

export type Numbers =
  | Uint8Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array;

export type DocumentValue =
  | null
  | boolean
  | number
  | string
  | Numbers
  | readonly DocumentValue[]
  | DocumentObject;

export type DocumentObject = ReadonlyMap<string, DocumentValue>;

/** No model is deeper. Hostile files are. */
export const mostLevels = 32;

export interface DocumentOptions {
  /** Keys of values that are read, but not kept. */
  readonly skip: ReadonlySet<string>;
}

/** Numbers in the smallest type that has them all. Fractions are float32, as all of XGBoost's are. Copied. */
export function packNumbers(values: Float64Array): Numbers {
  let isWhole = true;
  let isInt32 = true;
  for (let at = 0; at < values.length; at++) {
    const value = values[at] as number;
    if ((value | 0) !== value) {
      isInt32 = false;
      if (!Number.isInteger(value)) {
        isWhole = false;
        break;
      }
    }
  }
  if (isInt32) return Int32Array.from(values);
  return isWhole ? Float64Array.from(values) : Float32Array.from(values);
}
