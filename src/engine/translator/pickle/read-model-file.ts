import type { PythonValue } from "./python-value.ts";
import { readPickle } from "./read-pickle.ts";
import { readSkops } from "./read-skops.ts";
import { unpackJoblib } from "./unpack-joblib.ts";

/** The object in a `.joblib`, `.pkl` or `.skops` file, as data. Throws RuntimeError "invalid-argument". */
export function readModelFile(file: Uint8Array): PythonValue {
  const isZip = file[0] === 0x50 && file[1] === 0x4b;
  return isZip ? readSkops(file) : readPickle(unpackJoblib(file));
}
