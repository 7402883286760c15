import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FlatTable } from "../../../../../src/engine/translator/catboost/flat-table.ts";

const huge = 0xffff_ffff;

/** A FlatBuffer whose root table has the fields of this picture, and four more bytes than it needs. */
const at = {
  root: 0,
  /** Sizes of the directory and of the table, then where the fields 0 to 5 are. Field 3 is absent. */
  directory: 4,
  /** Where the directory is, then the fields: an integer, a byte, a double, and three offsets. */
  table: 20,
  number: 24,
  byte: 28,
  double: 32,
  numbers: 40,
  words: 44,
  /** Vectors: a length, then the elements. */
  vector: 48,
  tables: 60,
  end: 72,
} as const;

function sample(): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(at.end);
  const view = new DataView(bytes.buffer);
  view.setUint32(at.root, at.table, true);
  view.setUint16(at.directory, 16, true);
  view.setUint16(at.directory + 2, 28, true);
  const fields = [at.number, at.byte, at.double, undefined, at.numbers, at.words];
  for (const [slot, place] of fields.entries()) {
    view.setUint16(at.directory + 4 + 2 * slot, place === undefined ? 0 : place - at.table, true);
  }
  view.setInt32(at.table, at.table - at.directory, true);
  view.setInt32(at.number, -7, true);
  view.setInt8(at.byte, 2);
  view.setFloat64(at.double, 0.25, true);
  view.setUint32(at.numbers, at.vector - at.numbers, true);
  view.setUint32(at.words, at.tables - at.words, true);
  view.setUint32(at.vector, 2, true);
  view.setInt32(at.vector + 4, 5, true);
  view.setInt32(at.vector + 8, -6, true);
  view.setUint32(at.tables, 1, true);
  // The table itself would have to be further back: an offset cannot lead there.
  view.setUint32(at.tables + 4, 0, true);
  return { bytes, view };
}

function refuses(damage: (view: DataView) => void, read: (table: FlatTable) => unknown): void {
  const { bytes, view } = sample();
  damage(view);
  assert.throws(() => read(FlatTable.root(bytes)), {
    kind: "invalid-argument",
    message: /CatBoost model is malformed: an offset leads to byte/,
  });
}

describe("FlatTable", () => {
  it("reads numbers and vectors where the directory says they are", () => {
    const table = FlatTable.root(sample().bytes);
    assert.equal(table.int32(0, 1), -7);
    assert.equal(table.int8(1, 1), 2);
    assert.equal(table.double(2, 1), 0.25);
    assert.deepEqual(table.int32s(4), Int32Array.of(5, -6));
    assert.deepEqual(table.uint16Pairs(4), Uint16Array.of(5, 0, 0xfffa, 0xffff));
  });

  it("has the default for a field that is absent, or newer than the file", () => {
    const table = FlatTable.root(sample().bytes);
    for (const slot of [3, 6, 1000]) {
      assert.equal(table.int32(slot, 42), 42);
      assert.equal(table.double(slot, 0.5), 0.5);
      assert.equal(table.string(slot), "");
      assert.equal(table.table(slot), undefined);
      assert.deepEqual(table.tables(slot), []);
      assert.deepEqual(table.float64s(slot), new Float64Array(0));
    }
  });

  it("reads a buffer that begins anywhere in memory", () => {
    const shifted = new Uint8Array(at.end + 3);
    shifted.set(sample().bytes, 3);
    assert.deepEqual(FlatTable.root(shifted.subarray(3)).int32s(4), Int32Array.of(5, -6));
  });

  it("refuses offsets that lead out of the buffer", () => {
    refuses(
      (view) => view.setUint32(at.root, huge, true),
      (table) => table,
    );
    refuses(
      (view) => view.setInt32(at.table, -(2 ** 31), true),
      (table) => table,
    );
    refuses(
      (view) => view.setInt32(at.table, 2 ** 31 - 1, true),
      (table) => table,
    );
    refuses(
      (view) => view.setUint32(at.numbers, huge, true),
      (table) => table.int32s(4),
    );
    refuses(
      (view) => view.setUint32(at.words, at.end - at.words, true),
      (table) => table.tables(5),
    );
    refuses(
      (view) => view.setUint16(at.directory, 0xffff, true),
      (table) => table,
    );
    refuses(
      (view) => view.setUint16(at.directory + 4, 0xffff, true),
      (table) => table.int32(0, 0),
    );
  });

  it("refuses vectors that are longer than the buffer", () => {
    for (const length of [3 + (at.end - at.vector - 4) / 4, 2 ** 30, huge]) {
      refuses(
        (view) => view.setUint32(at.vector, length, true),
        (table) => table.int32s(4),
      );
      refuses(
        (view) => view.setUint32(at.vector, length, true),
        (table) => table.float64s(4),
      );
      refuses(
        (view) => view.setUint32(at.tables, length, true),
        (table) => table.tables(5),
      );
    }
  });

  it("refuses an empty buffer", () => {
    assert.throws(() => FlatTable.root(new Uint8Array(0)), { kind: "invalid-argument" });
  });

  it("ends at a table whose directory is the table itself", () => {
    const { bytes, view } = sample();
    view.setInt32(at.table, 0, true);
    // Its first number is then the directory's size, and too small for any field.
    const table = FlatTable.root(bytes);
    assert.equal(table.int32(0, 42), 42);
  });
});
