import { toDoubles, toItems } from "./array-elements.ts";
import { NumpyArray } from "./numpy-array.ts";
import { NumpyDtype, parseDtype } from "./numpy-dtype.ts";
import {
  PythonDict,
  PythonList,
  PythonName,
  PythonObject,
  PythonTuple,
  type PythonValue,
} from "./python-value.ts";
import { refuse, shown } from "./refuse.ts";

type Args = readonly PythonValue[];

/** What calling `name` with `args` would give, as data: values of numpy and of Python's own types, or a record of
 *  the call. */
export function callAsData(name: PythonName, args: Args): PythonValue {
  const [first] = args;
  switch (name.toString()) {
    case "numpy.dtype":
      if (typeof first !== "string") return malformed(name);
      return parseDtype(first);
    case "numpy.core.multiarray.scalar":
    case "numpy._core.multiarray.scalar":
      return scalarOf(name, args);
    case "numpy.core.numeric._frombuffer":
    case "numpy._core.numeric._frombuffer":
      return arrayOfBuffer(name, args);
    case "_codecs.encode":
    case "builtins.bytearray":
    case "builtins.bytes":
    case "__builtin__.bytearray":
    case "__builtin__.bytes":
      return bytesOf(name, args);
    case "builtins.set":
    case "builtins.frozenset":
    case "__builtin__.set":
    case "__builtin__.frozenset":
      return setOf(first instanceof PythonList ? first.items : []);
    case "collections.OrderedDict":
    case "collections.defaultdict":
      return dictOf(first);
    case "copyreg._reconstructor":
    case "copy_reg._reconstructor":
      if (!(first instanceof PythonName)) return malformed(name);
      return new PythonObject(first, []);
    default:
      return new PythonObject(name, args);
  }
}

/** Whether `value` is an array that has not been given its content yet. */
export function isUnfilledArray(value: PythonValue): value is PythonObject {
  return value instanceof PythonObject && value.type.name === "_reconstruct";
}

/** The array that `ndarray.__setstate__` would make: (version, shape, dtype, whether Fortran, content). */
export function filledArray(state: PythonValue): NumpyArray {
  const [, shape, dtype, isFortran, content] = state instanceof PythonTuple ? state.items : [];
  if (content instanceof PythonList) {
    return arrayOf({ shape, dtype, content: content.items, isFortran: isFortran === true });
  }
  if (!(content instanceof Uint8Array)) {
    return refuse(
      "the pickle has an array without bytes: the file is damaged, or Python 2 wrote it",
    );
  }
  return arrayOf({ shape, dtype, content, isFortran: isFortran === true });
}

/** Throws unless shape and dtype are what they should be. */
export function arrayOf(options: {
  readonly shape: PythonValue | undefined;
  readonly dtype: PythonValue | undefined;
  readonly content: Uint8Array | readonly PythonValue[];
  readonly isFortran: boolean;
}): NumpyArray {
  const { dtype, content, isFortran } = options;
  if (!(dtype instanceof NumpyDtype)) return refuse("the file has an array without a dtype");
  return new NumpyArray({ dtype, shape: shapeOf(options.shape), content, isFortran });
}

export function shapeOf(value: PythonValue | undefined): number[] {
  const items = value instanceof PythonTuple ? value.items : undefined;
  if (items === undefined || items.length > 32)
    return refuse("the file has an array without a shape");
  return items.map((item) => (typeof item === "number" ? item : Number.NaN));
}

export function setOf(items: Args): PythonDict {
  const set = new PythonDict();
  for (const item of items) set.entries.set(item, true);
  return set;
}

function dictOf(pairs: PythonValue | undefined): PythonDict {
  const dict = new PythonDict();
  if (!(pairs instanceof PythonList)) return dict;
  for (const pair of pairs.items) {
    const items = pair instanceof PythonTuple || pair instanceof PythonList ? pair.items : [];
    dict.entries.set(items[0] ?? null, items[1] ?? null);
  }
  return dict;
}

function scalarOf(name: PythonName, [dtype, content]: Args): PythonValue {
  if (!(dtype instanceof NumpyDtype)) return malformed(name);
  if (dtype.kind === "O") return content ?? null;
  if (!(content instanceof Uint8Array)) return malformed(name);
  const array = new NumpyArray({ dtype, shape: [], content });
  if (dtype.kind === "f") return toDoubles(array, "a number")[0] as number;
  return toItems(array, "a number")[0] ?? null;
}

function arrayOfBuffer(name: PythonName, [content, dtype, shape, order]: Args): NumpyArray {
  if (!(content instanceof Uint8Array)) return malformed(name);
  return arrayOf({ shape, dtype, content, isFortran: order === "F" });
}

/** Protocol 2 has no bytes: it writes them as text of which each character is one. */
function bytesOf(name: PythonName, [content]: Args): Uint8Array {
  if (content === undefined) return new Uint8Array();
  if (content instanceof Uint8Array) return content;
  if (typeof content !== "string") return malformed(name);
  return Buffer.from(content, "latin1");
}

function malformed(name: PythonName): never {
  return refuse(`the pickle calls ${shown(`${name}`)} in an unknown way: the file is damaged`);
}
