import type { NumpyArray } from "./numpy-array.ts";
import type { NumpyDtype } from "./numpy-dtype.ts";

/** What a file says, as data. Nothing of it has been imported, called or compared. References may form cycles. */
export type PythonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PythonList
  | PythonTuple
  | PythonDict
  | PythonName
  | PythonObject
  | NumpyArray
  | NumpyDtype;

export class PythonList {
  readonly items: PythonValue[] = [];
}

export class PythonTuple {
  readonly items: readonly PythonValue[];

  constructor(items: readonly PythonValue[]) {
    this.items = items;
  }
}

/** Also a set: its members are keys, each with the value true. */
export class PythonDict {
  /** Keys that are not text, numbers or None are told apart by their identity. */
  readonly entries: Map<PythonValue, PythonValue> = new Map();
}

/** The name of a class or function, which was found in the list of allowed names. */
export class PythonName {
  readonly module: string;
  readonly name: string;

  constructor(module: string, name: string) {
    this.module = module;
    this.name = name;
  }

  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/** What a class or function would have been called with, and what its result would have been given. */
export class PythonObject {
  readonly type: PythonName;
  readonly args: readonly PythonValue[];
  /** What `__setstate__` would get. */
  state: PythonValue | undefined = undefined;
  /** What `append` and `extend` would get: for classes that are lists. */
  readonly items: PythonValue[] = [];
  /** What item assignment would get: for classes that are dictionaries. */
  readonly entries: Map<PythonValue, PythonValue> = new Map();

  constructor(type: PythonName, args: readonly PythonValue[]) {
    this.type = type;
    this.args = args;
  }

  /** An attribute, from the state: a dictionary, or a pair of dictionaries if the class has slots. */
  attribute(name: string): PythonValue | undefined {
    const { state } = this;
    if (state instanceof PythonDict) return state.entries.get(name);
    if (!(state instanceof PythonTuple)) return undefined;
    for (const part of state.items) {
      if (part instanceof PythonDict && part.entries.has(name)) return part.entries.get(name);
    }
    return undefined;
  }
}
