import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { deflateSync, gzipSync } from "node:zlib";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { toDoubles, toItems } from "../../../../../src/engine/translator/pickle/array-elements.ts";
import { NumpyArray } from "../../../../../src/engine/translator/pickle/numpy-array.ts";
import {
  PythonDict,
  PythonList,
  PythonObject,
} from "../../../../../src/engine/translator/pickle/python-value.ts";
import { readModelFile } from "../../../../../src/engine/translator/pickle/read-model-file.ts";
import { readPickle } from "../../../../../src/engine/translator/pickle/read-pickle.ts";
import { unpackJoblib } from "../../../../../src/engine/translator/pickle/unpack-joblib.ts";
import { pickleOf, write } from "../../../../support/trees/pickle-writer.ts";

function refuses(bytes: Uint8Array, message: RegExp): void {
  assert.throws(
    () => readModelFile(bytes),
    (error) => {
      assert.ok(error instanceof RuntimeError);
      assert.equal(error.kind, "invalid-argument");
      assert.match(error.message, message);
      assert.ok(!error.message.includes("\n"));
      return true;
    },
  );
}

/** An array as numpy pickles it: `_reconstruct`, and its state. */
function arrayOf(
  dtype: number[][],
  {
    shape,
    content,
    isFortran = false,
  }: { shape: number[]; content: number[]; isFortran?: boolean },
): number[] {
  return [
    ...write.global("numpy.core.multiarray", "_reconstruct"),
    ...write.tuple(write.global("numpy", "ndarray"), write.tuple(write.int(0)), write.bytes([98])),
    ...write.reduce(),
    ...write.tuple(
      write.int(1),
      write.tuple(...shape.map(write.int)),
      dtype.flat(),
      isFortran ? write.true() : write.false(),
      content,
    ),
    ...write.build(),
  ];
}

function dtypeOf(text: string, order = "<"): number[][] {
  return [
    write.global("numpy", "dtype"),
    write.tuple(write.text(text), write.false(), write.true()),
    write.reduce(),
    write.tuple(
      write.int(3),
      write.text(order),
      write.none(),
      write.none(),
      write.none(),
      write.int(-1),
      write.int(-1),
      write.int(0),
    ),
    write.build(),
  ];
}

describe("readPickle", () => {
  it("refuses a name that is not in the list, and says which, without running it", () => {
    const call = (module: string, name: string) =>
      pickleOf(write.global(module, name), write.tuple(write.text("exit 1")), write.reduce());
    refuses(
      call("os", "system"),
      /refers to os\.system, which is not data of a known model; nothing of it was run/,
    );
    refuses(call("posix", "system"), /posix\.system/);
    refuses(call("builtins", "eval"), /builtins\.eval/);
    refuses(call("builtins", "getattr"), /builtins\.getattr/);
    refuses(call("numpy", "load"), /numpy\.load/);
    refuses(call("sklearn.utils", "os.system"), /sklearn\.utils\.os\.system/);
    refuses(call("__main__", "MyModel"), /__main__\.MyModel.*skl2onnx/);
    // A name with control characters, and one that is as long as a file.
    refuses(call("a\x1b[2J", "b"), /a\?\[2J\.b/);
    refuses(call("x".repeat(100_000), "y"), /^.{0,600}$/);
  });

  it("refuses the same names where text on the stack makes them", () => {
    const file = pickleOf(write.text("os"), write.text("system"), [0x93]);
    refuses(file, /os\.system/);
  });

  it("keeps a call of an allowed name as data", () => {
    const object = readPickle(
      pickleOf(
        write.global("sklearn.tree._tree", "Tree"),
        write.tuple(write.int(4)),
        write.reduce(),
      ),
    );
    assert.ok(object instanceof PythonObject);
    assert.equal(`${object.type}`, "sklearn.tree._tree.Tree");
    assert.deepEqual(object.args, [4]);
  });

  it("reads a value that contains itself", () => {
    const list = readPickle(
      pickleOf(write.emptyList(), write.memoize(), write.get(0), write.append()),
    );
    assert.ok(list instanceof PythonList);
    assert.equal(list.items[0], list);
    const dict = readPickle(
      pickleOf(write.emptyDict(), write.memoize(), write.text("me"), write.get(0), write.setItem()),
    );
    assert.ok(dict instanceof PythonDict);
    assert.equal(dict.entries.get("me"), dict);
  });

  it("reads values 200,000 levels deep", () => {
    const depth = 200_000;
    const bytes = new Uint8Array(2 * depth + 4);
    bytes.set(write.proto());
    bytes.fill(0x5d, 2, 3 + depth);
    bytes.fill(0x61, 3 + depth, 3 + 2 * depth);
    bytes[3 + 2 * depth] = 0x2e;
    assert.ok(readPickle(bytes) instanceof PythonList);
  });

  it("reads arrays of either byte order and memory order", () => {
    const doubles = (values: number[], isLittle: boolean) => {
      const view = new DataView(new ArrayBuffer(8 * values.length));
      for (const [at, value] of values.entries()) view.setFloat64(8 * at, value, isLittle);
      return write.bytes(new Uint8Array(view.buffer));
    };
    for (const isLittle of [true, false]) {
      const content = doubles([1, 2, 3, 4, 5, 6], isLittle);
      const dtype = dtypeOf("f8", isLittle ? "<" : ">");
      const row = readPickle(pickleOf(arrayOf(dtype, { shape: [2, 3], content })));
      assert.ok(row instanceof NumpyArray);
      assert.deepEqual([...toDoubles(row, "it")], [1, 2, 3, 4, 5, 6]);
      const column = readPickle(
        pickleOf(arrayOf(dtype, { shape: [2, 3], content, isFortran: true })),
      );
      assert.ok(column instanceof NumpyArray);
      assert.deepEqual([...toDoubles(column, "it")], [1, 3, 5, 2, 4, 6]);
    }
  });

  it("reads texts and objects in arrays", () => {
    const texts = write.bytes(new Uint8Array(Uint32Array.of(0x61, 0, 0xfc, 0x1f600).buffer));
    const text = readPickle(pickleOf(arrayOf(dtypeOf("U2"), { shape: [2], content: texts })));
    assert.deepEqual(toItems(text as NumpyArray, "it"), ["a", "ü😀"]);
    const list = [...write.emptyList(), ...write.text("x"), ...write.append()];
    const objects = readPickle(
      pickleOf(arrayOf(dtypeOf("O8", "|"), { shape: [1], content: list })),
    );
    assert.deepEqual(toItems(objects as NumpyArray, "it"), ["x"]);
  });

  it("refuses an array whose shape and content do not fit together", () => {
    const file = (shape: number[]) =>
      pickleOf(arrayOf(dtypeOf("f8"), { shape, content: write.bytes(new Uint8Array(16)) }));
    refuses(file([3]), /16 bytes instead of 24/);
    refuses(file([-2]), /impossible shape/);
    refuses(file([0x7fffffff, 0x7fffffff, 0x7fffffff]), /impossible shape/);
    refuses(
      pickleOf(arrayOf(dtypeOf("c16"), { shape: [1], content: write.bytes(new Uint8Array(16)) })),
      /dtype 'c16'/,
    );
  });

  it("refuses what the file does not hold itself", () => {
    refuses(pickleOf(write.text("0"), [0x51]), /BINPERSID.*PyTorch/);
    refuses(pickleOf([0x97]), /NEXT_BUFFER/);
    refuses(pickleOf([0x82, 1]), /EXT1/);
  });

  it("refuses protocols that are text, and files that are no pickles", () => {
    refuses(Buffer.from("(dp0\nS'a'\np1\n."), /protocol 0 or 1/);
    refuses(Uint8Array.from([0x80, 9, 0x4e, 0x2e]), /protocol 0 or 1/);
    refuses(new Uint8Array(), /protocol 0 or 1/);
    refuses(pickleOf([0xff]), /unknown opcode 0xff at byte 2/);
  });

  it("refuses opcodes that find nothing to work on", () => {
    for (const opcode of [0x30, 0x31, 0x65, 0x74, 0x75, 0x90]) {
      refuses(pickleOf([opcode]), /do not fit together/);
    }
    // What lies below a mark is not theirs.
    for (const opcode of [0x52, 0x61, 0x62, 0x73, 0x81, 0x85, 0x87, 0x92, 0x94]) {
      refuses(pickleOf([opcode]), /do not fit together/);
      refuses(pickleOf(write.none(), write.mark(), [opcode]), /do not fit together/);
    }
    refuses(pickleOf(write.get(7)), /do not fit together/);
    refuses(pickleOf(write.none(), [0x72, 0xff, 0xff, 0xff, 0x7f]), /do not fit together/);
  });

  it("refuses lengths beyond the end, of whatever size", () => {
    const length = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    for (const opcode of [0x8d, 0x8e, 0x95, 0x96]) {
      refuses(pickleOf([opcode, ...length]), /cut short or damaged/);
    }
    refuses(pickleOf([0x58, 0xff, 0xff, 0xff, 0xff]), /cut short or damaged/);
    refuses(pickleOf([0x8b, 0xff, 0xff, 0xff, 0x7f]), /do not fit together/);
    refuses(pickleOf([0x63, 0x61]), /cut short or damaged/);
  });
});

describe("unpackJoblib", () => {
  it("unpacks zlib and gzip, up to a limit", () => {
    const content = new Uint8Array(100_000);
    for (const pack of [deflateSync, gzipSync]) {
      assert.equal(unpackJoblib(pack(content)).length, 100_000);
      assert.throws(() => unpackJoblib(pack(content), 2 ** 16), /more than 0\.0625 MiB/);
      assert.throws(() => unpackJoblib(pack(content).subarray(0, 50)), /cut short or damaged/);
    }
  });

  it("refuses other compressions by their names", () => {
    const head = (...bytes: number[]) => Uint8Array.from([...bytes, 0, 0, 0, 0]);
    refuses(head(0x42, 0x5a, 0x68), /bz2.*compress=3/);
    refuses(head(0xfd, 0x37, 0x7a, 0x58, 0x5a), /xz/);
    refuses(head(0x5d, 0, 0), /lzma/);
    refuses(head(0x04, 0x22, 0x4d, 0x18), /lz4/);
    refuses(Buffer.from("ZF0x12 abc"), /joblib before 0\.10/);
  });
});
