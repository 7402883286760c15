import { toDoubles } from "../../pickle/array-elements.ts";
import { NumpyArray } from "../../pickle/numpy-array.ts";
import {
  PythonDict,
  PythonList,
  PythonObject,
  PythonTuple,
  type PythonValue,
} from "../../pickle/python-value.ts";
import { refuse, shown } from "../../pickle/refuse.ts";
import { readVersion } from "./sklearn-versions.ts";

/** Also of outputs. A request with more could not be sent. */
const mostColumns = 2 ** 18;

/** A fitted estimator of a file. Its readers throw RuntimeError "invalid-argument" with its class and the attribute
 *  if that is missing or not what scikit-learn writes. */
export class Estimator {
  readonly object: PythonObject;
  readonly className: string;
  /** Of scikit-learn 1. Classes of other libraries have none: the newest. */
  readonly minorVersion: number;

  constructor(object: PythonObject) {
    this.object = object;
    this.className = object.type.name;
    const version = object.attribute("_sklearn_version");
    this.minorVersion =
      typeof version === "string" ? readVersion(version, this.className) : Number.POSITIVE_INFINITY;
    if (version === undefined && object.type.module.startsWith("sklearn.")) {
      refuse(
        `the file's ${shown(this.className)} does not say which version of scikit-learn wrote it: it is not a model ` +
          "that was written whole",
      );
    }
  }

  has(name: string): boolean {
    const value = this.object.attribute(name);
    return value !== undefined && value !== null;
  }

  /** `undefined` if the attribute is missing or None. */
  optional(name: string): PythonValue | undefined {
    return this.object.attribute(name) ?? undefined;
  }

  value(name: string): PythonValue {
    const value = this.object.attribute(name);
    return value === undefined ? this.wrong(name, "is missing: was it fitted?") : value;
  }

  /** A number, or an array of one number. */
  number(name: string): number {
    const value = this.value(name);
    if (typeof value === "number") return value;
    if (value instanceof NumpyArray && value.size === 1) return this.doubles(name)[0] as number;
    return this.wrong(name, "is not a number");
  }

  /** How many columns or outputs there are. */
  count(name: string): number {
    const value = this.number(name);
    if (Number.isInteger(value) && value >= 0 && value <= mostColumns) return value;
    return this.wrong(name, `is ${value}, expected a number up to ${mostColumns}`);
  }

  text(name: string): string {
    const value = this.value(name);
    return typeof value === "string" ? value : this.wrong(name, "is not text");
  }

  /** Whether a parameter is true. A version that does not have it has false. */
  flag(name: string): boolean {
    const value = this.object.attribute(name);
    return value === true || value === 1;
  }

  array(name: string): NumpyArray {
    const value = this.value(name);
    return value instanceof NumpyArray ? value : this.wrong(name, "is not an array");
  }

  /** An array's numbers in row-major order; a lone number is an array of one. */
  doubles(name: string): Float64Array {
    const value = this.value(name);
    if (typeof value === "number") return Float64Array.of(value);
    return toDoubles(this.array(name), this.called(name));
  }

  /** An array of `count` finite or infinite numbers. */
  vector(name: string, count: number): Float64Array {
    const values = this.doubles(name);
    if (values.length === count) return values;
    return this.wrong(name, `has ${values.length} values instead of ${count}`);
  }

  list(name: string): readonly PythonValue[] {
    const value = this.value(name);
    if (value instanceof PythonList || value instanceof PythonTuple) return value.items;
    return this.wrong(name, "is not a list");
  }

  dict(name: string): ReadonlyMap<PythonValue, PythonValue> {
    const value = this.value(name);
    return value instanceof PythonDict ? value.entries : this.wrong(name, "is not a dictionary");
  }

  estimator(name: string): Estimator {
    const value = this.value(name);
    return value instanceof PythonObject
      ? new Estimator(value)
      : this.wrong(name, "is not an estimator");
  }

  /** What messages call an attribute. */
  called(name: string): string {
    return `${name} of the file's ${shown(this.className)}`;
  }

  wrong(name: string, what: string): never {
    return refuse(`${this.called(name)} ${what}`);
  }
}
