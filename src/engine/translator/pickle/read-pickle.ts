import { allowedName } from "./allowed-names.ts";
import { ByteReader } from "./byte-reader.ts";
import { arrayOf, callAsData, filledArray, isUnfilledArray, setOf, shapeOf } from "./calls-as-data.ts";
import { NumpyArray, elementsOf } from "./numpy-array.ts";
import { NumpyDtype, setDtypeState } from "./numpy-dtype.ts";
import { opcodes, refusedOpcodes } from "./pickle-opcodes.ts";
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

/** An opcode may make a value of some 100 bytes: a few hundred are usual for each estimator. */
const maxOpcodes = 20_000_000;
/** Of a whole number. Nothing that is read has larger ones. */
const maxLongBytes = 1024;

/** Reads a pickle of protocol 2 to 5, with the arrays that joblib writes between opcodes, as data: nothing is
 *  imported or called, and a name that is not in the list of allowed ones ends the reading. Arrays are views of
 *  `bytes`. Iterative. Throws RuntimeError "invalid-argument". */
export function readPickle(bytes: Uint8Array): PythonValue {
  const reader = new ByteReader(bytes);
  return new PickleMachine(reader, { opcodesLeft: maxOpcodes }).run();
}

class PickleMachine {
  readonly #reader: ByteReader;
  readonly #stack = new PickleStack();
  readonly #budget: { opcodesLeft: number };
  readonly #isNested: boolean;
  #names = new Map<string, PythonName>();

  constructor(reader: ByteReader, budget: { opcodesLeft: number }, isNested = false) {
    this.#reader = reader;
    this.#budget = budget;
    this.#isNested = isNested;
  }

  run(): PythonValue {
    const reader = this.#reader;
    const start = reader.position;
    if (reader.byte() !== opcodes.proto) this.#textProtocol();
    reader.position = start;
    for (;;) {
      if (--this.#budget.opcodesLeft < 0) {
        refuse(`the pickle has more than ${maxOpcodes} opcodes: no model that can be served does`);
      }
      const opcode = reader.byte();
      if (opcode === opcodes.stop) return this.#stack.pop();
      this.#execute(opcode);
    }
  }

  #execute(opcode: number): void {
    const reader = this.#reader;
    const stack = this.#stack;
    switch (opcode) {
      case opcodes.proto: {
        const protocol = reader.byte();
        if (protocol < 2 || protocol > 5) this.#textProtocol();
        return;
      }
      case opcodes.frame:
        reader.length64();
        return;
      case opcodes.mark:
        return stack.mark();
      case opcodes.pop:
        return stack.drop();
      case opcodes.popMark:
        stack.popMark();
        return;
      case opcodes.dup:
        return stack.push(stack.top);
      case opcodes.none:
        return stack.push(null);
      case opcodes.newTrue:
        return stack.push(true);
      case opcodes.newFalse:
        return stack.push(false);
      case opcodes.binInt:
        return stack.push(reader.int32());
      case opcodes.binInt1:
        return stack.push(reader.byte());
      case opcodes.binInt2:
        return stack.push(reader.uint16());
      case opcodes.long1:
        return stack.push(reader.long(reader.byte()));
      case opcodes.long4:
        return stack.push(reader.long(Math.min(reader.uint32(), maxLongBytes)));
      case opcodes.binFloat:
        return stack.push(reader.float64BigEndian());
      case opcodes.shortBinUnicode:
        return stack.push(reader.text(reader.byte()));
      case opcodes.binUnicode:
        return stack.push(reader.text(reader.uint32()));
      case opcodes.binUnicode8:
        return stack.push(reader.text(reader.length64()));
      case opcodes.shortBinString:
        return stack.push(reader.latin1(reader.byte()));
      case opcodes.binString:
        return stack.push(reader.latin1(reader.uint32()));
      case opcodes.shortBinBytes:
        return stack.push(reader.take(reader.byte()));
      case opcodes.binBytes:
        return stack.push(reader.take(reader.uint32()));
      case opcodes.binBytes8:
      case opcodes.byteArray8:
        return stack.push(reader.take(reader.length64()));
      case opcodes.binGet:
        return stack.get(reader.byte());
      case opcodes.longBinGet:
        return stack.get(reader.uint32());
      case opcodes.binPut:
        return stack.put(reader.byte());
      case opcodes.longBinPut:
        return stack.put(reader.uint32());
      case opcodes.memoize:
        return stack.memoize();
      default:
        return this.#executeOnContainers(opcode);
    }
  }

  #executeOnContainers(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case opcodes.emptyTuple:
        return stack.push(new PythonTuple([]));
      case opcodes.tuple1:
        return stack.push(new PythonTuple(stack.popMany(1)));
      case opcodes.tuple2:
        return stack.push(new PythonTuple(stack.popMany(2)));
      case opcodes.tuple3:
        return stack.push(new PythonTuple(stack.popMany(3)));
      case opcodes.tuple:
        return stack.push(new PythonTuple(stack.popMark()));
      case opcodes.emptyList:
        return stack.push(new PythonList());
      case opcodes.list:
        return this.#appendTo(stack.popMark(), new PythonList());
      case opcodes.append:
        return this.#append([stack.pop()]);
      case opcodes.appends:
        return this.#append(stack.popMark());
      case opcodes.emptyDict:
        return stack.push(new PythonDict());
      case opcodes.dict: {
        const items = stack.popMark();
        stack.push(new PythonDict());
        return this.#setItems(items);
      }
      case opcodes.setItem:
        return this.#setItems(stack.popMany(2));
      case opcodes.setItems:
        return this.#setItems(stack.popMark());
      case opcodes.emptySet:
        return stack.push(new PythonDict());
      case opcodes.addItems:
        return this.#setItems(stack.popMark().flatMap((item) => [item, true]));
      case opcodes.frozenSet:
        return stack.push(setOf(stack.popMark()));
      default:
        return this.#executeOnObjects(opcode);
    }
  }

  #executeOnObjects(opcode: number): void {
    const stack = this.#stack;
    switch (opcode) {
      case opcodes.global: {
        const module = this.#reader.line();
        return stack.push(this.#name(module, this.#reader.line()));
      }
      case opcodes.stackGlobal: {
        const [module, name] = stack.popMany(2);
        if (typeof module !== "string" || typeof name !== "string") return this.#damaged();
        return stack.push(this.#name(module, name));
      }
      case opcodes.reduce: {
        const [callee, args] = stack.popMany(2);
        if (!(callee instanceof PythonName) || !(args instanceof PythonTuple)) {
          return this.#damaged();
        }
        return stack.push(callAsData(callee, args.items));
      }
      case opcodes.newObj:
      case opcodes.newObjEx: {
        const [type, args] = stack.popMany(opcode === opcodes.newObj ? 2 : 3);
        if (!(type instanceof PythonName) || !(args instanceof PythonTuple)) return this.#damaged();
        return stack.push(new PythonObject(type, args.items));
      }
      case opcodes.build:
        return this.#build(stack.pop());
      default:
        return this.#unknown(opcode);
    }
  }

  #name(module: string, name: string): PythonName {
    const key = `${module} ${name}`;
    const known = this.#names.get(key) ?? allowedName(module, name);
    this.#names.set(key, known);
    return known;
  }

  #append(items: readonly PythonValue[]): void {
    const list = this.#stack.pop();
    if (!(list instanceof PythonList || list instanceof PythonObject)) return this.#damaged();
    this.#appendTo(items, list);
  }

  #appendTo(items: readonly PythonValue[], list: PythonList | PythonObject): void {
    for (const item of items) list.items.push(item);
    this.#stack.push(list);
  }

  #setItems(items: readonly PythonValue[]): void {
    const dict = this.#stack.top;
    if (!(dict instanceof PythonDict || dict instanceof PythonObject)) return this.#damaged();
    if (items.length % 2 !== 0) return this.#damaged();
    for (let at = 0; at < items.length; at += 2) {
      dict.entries.set(items[at] as PythonValue, items[at + 1] as PythonValue);
    }
  }

  #build(state: PythonValue): void {
    const stack = this.#stack;
    const target = stack.top;
    if (target instanceof NumpyDtype) return setDtypeState(target, state);
    if (isUnfilledArray(target)) return stack.replaceTop(filledArray(state));
    if (!(target instanceof PythonObject)) return this.#damaged();
    target.state = state;
    if (target.type.name === "NumpyArrayWrapper") {
      const array = this.#joblibArray(target);
      stack.pop();
      stack.push(array);
    }
  }

  /** An array that joblib wrote behind its description. */
  #joblibArray(wrapper: PythonObject): NumpyArray {
    const reader = this.#reader;
    const dtype = wrapper.attribute("dtype");
    const shape = wrapper.attribute("shape");
    if (this.#isNested || !(dtype instanceof NumpyDtype)) return this.#damaged();
    if (dtype.kind === "O") {
      const array = new PickleMachine(reader, this.#budget, true).run();
      return array instanceof NumpyArray ? array : this.#damaged();
    }
    // Up to joblib 1.1, and in compressed files, there is no alignment.
    const alignment = wrapper.attribute("numpy_array_alignment_bytes");
    if (alignment !== undefined && alignment !== null) reader.take(reader.byte());
    const size = elementsOf(shapeOf(shape));
    const content = reader.take(size * dtype.itemBytes);
    return arrayOf({ shape, dtype, content, isFortran: wrapper.attribute("order") === "F" });
  }

  #textProtocol(): never {
    return refuse(
      "the pickle is of protocol 0 or 1, which is text: write the model again with joblib.dump, " +
        "or with pickle.dump and protocol 2 to 5",
    );
  }

  #unknown(opcode: number): never {
    const at = this.#reader.position - 1;
    const what = refusedOpcodes.get(opcode);
    if (what !== undefined) {
      return refuse(`the pickle refers to ${what} at byte ${at}: that is not a scikit-learn model`);
    }
    const name = `0x${opcode.toString(16).padStart(2, "0")}`;
    return refuse(
      `the pickle has an unknown opcode ${name} at byte ${at}: the file is damaged, or not a pickle of protocol 2 to 5`,
    );
  }

  #damaged(): never {
    return refuse(
      `the pickle's opcodes do not fit together before byte ${this.#reader.position}: the file is damaged`,
    );
  }
}
