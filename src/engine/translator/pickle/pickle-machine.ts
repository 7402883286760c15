import { allowedName } from "./allowed-names.ts";
import type { ByteReader } from "./byte-reader.ts";
import { arrayOf, callAsData, filledArray, isUnfilledArray, shapeOf } from "./calls-as-data.ts";
import { elementsOf, NumpyArray } from "./numpy-array.ts";
import { NumpyDtype, setDtypeState } from "./numpy-dtype.ts";
import { PickleStack } from "./pickle-stack.ts";
import {
  PythonDict,
  PythonList,
  PythonName,
  PythonObject,
  PythonTuple,
  type PythonValue,
} from "./python-value.ts";
import { refuse } from "./refuse.ts";

/** Of a whole number. Nothing that is read has larger ones. */
const maxLongBytes = 1024;

/** What the opcodes of one pickle work on. */
export class PickleMachine {
  readonly reader: ByteReader;
  readonly stack = new PickleStack();
  /** Reads a pickle that begins where this one stopped; undefined within one that was read so. */
  readonly #readNested: (() => PythonValue) | undefined;
  readonly #names = new Map<string, PythonName>();

  constructor(reader: ByteReader, readNested: (() => PythonValue) | undefined) {
    this.reader = reader;
    this.#readNested = readNested;
  }

  protocol(): void {
    const protocol = this.reader.byte();
    if (protocol < 2 || protocol > 5) textProtocol();
  }

  long(bytes: number): void {
    if (bytes > maxLongBytes) this.#damaged();
    this.stack.push(this.reader.long(bytes));
  }

  global(): void {
    const module = this.reader.line();
    this.#pushName(module, this.reader.line());
  }

  stackGlobal(): void {
    const [module, name] = this.stack.popMany(2);
    if (typeof module !== "string" || typeof name !== "string") this.#damaged();
    this.#pushName(module, name);
  }

  reduce(): void {
    const [callee, args] = this.stack.popMany(2);
    if (!(callee instanceof PythonName && args instanceof PythonTuple)) this.#damaged();
    this.stack.push(callAsData(callee, args.items));
  }

  /** `parts`: class and arguments, and named arguments if there are three. */
  newObject(parts: 2 | 3): void {
    const [type, args] = this.stack.popMany(parts);
    if (!(type instanceof PythonName && args instanceof PythonTuple)) this.#damaged();
    this.stack.push(new PythonObject(type, args.items));
  }

  list(): void {
    const list = new PythonList();
    for (const item of this.stack.popMark()) list.items.push(item);
    this.stack.push(list);
  }

  append(items: readonly PythonValue[]): void {
    const list = this.stack.top;
    if (!(list instanceof PythonList || list instanceof PythonObject)) this.#damaged();
    for (const item of items) list.items.push(item);
  }

  dict(): void {
    const items = this.stack.popMark();
    this.stack.push(new PythonDict());
    this.setItems(items);
  }

  /** Keys and values in turn. */
  setItems(items: readonly PythonValue[]): void {
    const dict = this.stack.top;
    const isDict = dict instanceof PythonDict || dict instanceof PythonObject;
    if (!isDict || items.length % 2 !== 0) this.#damaged();
    for (let at = 0; at < items.length; at += 2) {
      dict.entries.set(items[at] as PythonValue, items[at + 1] as PythonValue);
    }
  }

  addMembers(): void {
    const items = this.stack.popMark();
    const set = this.stack.top;
    if (!(set instanceof PythonDict)) this.#damaged();
    for (const item of items) set.entries.set(item, true);
  }

  build(): void {
    const { stack } = this;
    const state = stack.pop();
    const target = stack.top;
    if (target instanceof NumpyDtype) {
      setDtypeState(target, state);
    } else if (isUnfilledArray(target)) {
      stack.replaceTop(filledArray(state));
    } else {
      if (!(target instanceof PythonObject)) this.#damaged();
      target.state = state;
      if (target.type.name !== "NumpyArrayWrapper") return;
      const array = this.#joblibArray(target);
      stack.pop();
      stack.push(array);
    }
  }

  #pushName(module: string, name: string): void {
    const key = `${module} ${name}`;
    const known = this.#names.get(key) ?? allowedName(module, name);
    this.#names.set(key, known);
    this.stack.push(known);
  }

  /** An array that joblib wrote behind its description. */
  #joblibArray(wrapper: PythonObject): NumpyArray {
    const { reader } = this;
    const dtype = wrapper.attribute("dtype");
    const shape = wrapper.attribute("shape");
    if (this.#readNested === undefined || !(dtype instanceof NumpyDtype)) this.#damaged();
    if (dtype.kind === "O") {
      const array = this.#readNested();
      return array instanceof NumpyArray ? array : this.#damaged();
    }
    // Up to joblib 1.1, and in compressed files, there is no alignment.
    const alignment = wrapper.attribute("numpy_array_alignment_bytes");
    if (alignment !== undefined && alignment !== null) reader.take(reader.byte());
    const content = reader.take(elementsOf(shapeOf(shape)) * dtype.itemBytes);
    return arrayOf({ shape, dtype, content, isFortran: wrapper.attribute("order") === "F" });
  }

  #damaged(): never {
    return refuse(
      `the pickle's opcodes do not fit together before byte ${this.reader.position}: the file is damaged`,
    );
  }
}

export function textProtocol(): never {
  return refuse(
    "the pickle is of protocol 0 or 1, which is text: write the model again with joblib.dump, " +
      "or with pickle.dump and protocol 2 to 5",
  );
}
