import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { create, createFileRegistry, type DescFile, fromBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { DescriptorIndex } from "../../../../src/rpc/services/descriptor-index.ts";

const extension = (name: string, number: number) => ({
  name,
  number,
  extendee: ".base.Open",
  type: Type.INT32,
  label: Label.OPTIONAL,
});

/** top imports left and right, which import base; top and left extend a message of base. */
const { files } = createFileRegistry(
  create(FileDescriptorSetSchema, {
    file: [
      {
        name: "base.proto",
        package: "base",
        syntax: "proto2",
        messageType: [{ name: "Open", extensionRange: [{ start: 100, end: 200 }] }],
        enumType: [{ name: "Colour", value: [{ name: "RED", number: 0 }] }],
      },
      {
        name: "left.proto",
        package: "left",
        syntax: "proto2",
        dependency: ["base.proto"],
        extension: [extension("far", 150)],
      },
      { name: "right.proto", syntax: "proto3", dependency: ["base.proto"] },
      {
        name: "top.proto",
        package: "top",
        syntax: "proto2",
        dependency: ["left.proto", "right.proto", "base.proto"],
        messageType: [
          {
            name: "Outer",
            nestedType: [{ name: "Inner" }],
            enumType: [{ name: "Kind", value: [{ name: "ODD", number: 0 }] }],
            extension: [extension("near", 101)],
          },
        ],
      },
    ],
  }),
);
const top = [...files].find(({ proto }) => proto.name === "top.proto") as DescFile;

describe("an index of definitions", () => {
  const index = new DescriptorIndex([top]);
  const namesOf = (encoded: readonly Uint8Array[]) =>
    encoded.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);

  it("knows what is imported, directly or not", () => {
    for (const name of ["top.proto", "left.proto", "right.proto", "base.proto"]) {
      assert.equal(index.file(name)?.proto.name, name);
    }
    assert.equal(index.file("top"), undefined);
  });

  it("finds symbols at any depth, values beside their enum", () => {
    for (const [symbol, file] of [
      ["top.Outer.Inner", "top.proto"],
      ["top.Outer.ODD", "top.proto"],
      ["top.Outer.near", "top.proto"],
      ["left.far", "left.proto"],
      ["base.RED", "base.proto"],
    ] as const) {
      assert.equal(index.fileOfSymbol(symbol)?.proto.name, file, symbol);
    }
    for (const symbol of ["top.Outer.Kind.ODD", "base.Colour.RED", "Outer", ""]) {
      assert.equal(index.fileOfSymbol(symbol), undefined, symbol);
    }
  });

  it("finds the extensions of a message, wherever they are", () => {
    assert.equal(index.fileOfExtension("base.Open", 101)?.proto.name, "top.proto");
    assert.equal(index.fileOfExtension("base.Open", 150)?.proto.name, "left.proto");
    assert.equal(index.fileOfExtension("base.Open", 102), undefined);
    assert.deepEqual(index.extensionNumbers("base.Open"), [101, 150]);
    assert.deepEqual(index.extensionNumbers("top.Outer"), []);
    assert.equal(index.extensionNumbers("top.None"), undefined);
  });

  it("gives a file with its imports, each once, less what the client has, but for itself", () => {
    const sent = new Set<string>();
    const all = namesOf(index.encodeWithImports(top, sent));
    assert.equal(all[0], "top.proto");
    assert.deepEqual(all.sort(), ["base.proto", "left.proto", "right.proto", "top.proto"]);
    assert.deepEqual(namesOf(index.encodeWithImports(top, sent)), ["top.proto"]);
    assert.deepEqual(namesOf(index.encodeWithImports(top, new Set(["left.proto"]))), [
      "top.proto",
      "right.proto",
      "base.proto",
    ]);
  });
});
