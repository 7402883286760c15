import { setOf } from "./calls-as-data.ts";
import type { PickleMachine } from "./pickle-machine.ts";
import { PythonDict, PythonList, PythonTuple } from "./python-value.ts";

type Opcode = (machine: PickleMachine) => void;

export const protocolOpcode = 0x80;
export const stopOpcode = 0x2e;

/** The opcodes of protocols 2 to 5 that carry data, named as in CPython's pickletools. */
export const opcodes: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  [protocolOpcode, (machine) => machine.protocol()],
  // FRAME: only its length counts, which must not go beyond the end.
  [0x95, ({ reader }) => void reader.length64()],
  // MARK, POP, POP_MARK, DUP
  [0x28, ({ stack }) => stack.mark()],
  [0x30, ({ stack }) => stack.drop()],
  [0x31, ({ stack }) => void stack.popMark()],
  [0x32, ({ stack }) => stack.push(stack.top)],
  // NONE, NEWTRUE, NEWFALSE
  [0x4e, ({ stack }) => stack.push(null)],
  [0x88, ({ stack }) => stack.push(true)],
  [0x89, ({ stack }) => stack.push(false)],
  // BININT, BININT1, BININT2, LONG1, LONG4, BINFLOAT
  [0x4a, ({ stack, reader }) => stack.push(reader.int32())],
  [0x4b, ({ stack, reader }) => stack.push(reader.byte())],
  [0x4d, ({ stack, reader }) => stack.push(reader.uint16())],
  [0x8a, (machine) => machine.long(machine.reader.byte())],
  [0x8b, (machine) => machine.long(machine.reader.uint32())],
  [0x47, ({ stack, reader }) => stack.push(reader.float64BigEndian())],
  // SHORT_BINUNICODE, BINUNICODE, BINUNICODE8, SHORT_BINSTRING, BINSTRING
  [0x8c, ({ stack, reader }) => stack.push(reader.text(reader.byte()))],
  [0x58, ({ stack, reader }) => stack.push(reader.text(reader.uint32()))],
  [0x8d, ({ stack, reader }) => stack.push(reader.text(reader.length64()))],
  [0x55, ({ stack, reader }) => stack.push(reader.latin1(reader.byte()))],
  [0x54, ({ stack, reader }) => stack.push(reader.latin1(reader.uint32()))],
  // SHORT_BINBYTES, BINBYTES, BINBYTES8, BYTEARRAY8
  [0x43, ({ stack, reader }) => stack.push(reader.take(reader.byte()))],
  [0x42, ({ stack, reader }) => stack.push(reader.take(reader.uint32()))],
  [0x8e, ({ stack, reader }) => stack.push(reader.take(reader.length64()))],
  [0x96, ({ stack, reader }) => stack.push(reader.take(reader.length64()))],
  // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
  [0x29, ({ stack }) => stack.push(new PythonTuple([]))],
  [0x85, ({ stack }) => stack.push(new PythonTuple(stack.popMany(1)))],
  [0x86, ({ stack }) => stack.push(new PythonTuple(stack.popMany(2)))],
  [0x87, ({ stack }) => stack.push(new PythonTuple(stack.popMany(3)))],
  [0x74, ({ stack }) => stack.push(new PythonTuple(stack.popMark()))],
  // EMPTY_LIST, LIST, APPEND, APPENDS
  [0x5d, ({ stack }) => stack.push(new PythonList())],
  [0x6c, (machine) => machine.list()],
  [0x61, (machine) => machine.append([machine.stack.pop()])],
  [0x65, (machine) => machine.append(machine.stack.popMark())],
  // EMPTY_DICT, DICT, SETITEM, SETITEMS
  [0x7d, ({ stack }) => stack.push(new PythonDict())],
  [0x64, (machine) => machine.dict()],
  [0x73, (machine) => machine.setItems(machine.stack.popMany(2))],
  [0x75, (machine) => machine.setItems(machine.stack.popMark())],
  // EMPTY_SET, ADDITEMS, FROZENSET
  [0x8f, ({ stack }) => stack.push(new PythonDict())],
  [0x90, (machine) => machine.addMembers()],
  [0x91, ({ stack }) => stack.push(setOf(stack.popMark()))],
  // BINGET, LONG_BINGET, BINPUT, LONG_BINPUT, MEMOIZE
  [0x68, ({ stack, reader }) => stack.get(reader.byte())],
  [0x6a, ({ stack, reader }) => stack.get(reader.uint32())],
  [0x71, ({ stack, reader }) => stack.put(reader.byte())],
  [0x72, ({ stack, reader }) => stack.put(reader.uint32())],
  [0x94, ({ stack }) => stack.memoize()],
  // GLOBAL, STACK_GLOBAL, REDUCE, BUILD, NEWOBJ, NEWOBJ_EX
  [0x63, (machine) => machine.global()],
  [0x93, (machine) => machine.stackGlobal()],
  [0x52, (machine) => machine.reduce()],
  [0x62, (machine) => machine.build()],
  [0x81, (machine) => machine.newObject(2)],
  [0x92, (machine) => machine.newObject(3)],
]);

/** What opcodes that are refused refer to. */
export const refusedOpcodes: ReadonlyMap<number, string> = new Map([
  [0x51, "an object in a storage beside it (BINPERSID), as PyTorch writes"],
  [0x50, "an object in a storage beside it (PERSID), as PyTorch writes"],
  [0x97, "a buffer beside it (NEXT_BUFFER)"],
  [0x98, "a buffer beside it (READONLY_BUFFER)"],
  [0x82, "a registered extension (EXT1)"],
  [0x83, "a registered extension (EXT2)"],
  [0x84, "a registered extension (EXT4)"],
]);
