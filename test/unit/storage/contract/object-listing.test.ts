import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { listModel } from "../../../../src/storage/contract/object-listing.ts";

/** A store with these keys; those that end with "0" are empty. */
function store(...keys: string[]) {
  return async function* (prefix: string, atMost: number) {
    const found = keys.filter((key) => key.startsWith(prefix)).sort();
    for (const key of found.slice(0, atMost)) {
      yield { key, sizeBytes: key.endsWith("0") ? 0 : 1, version: "v" };
    }
  };
}

async function names(path: string, ...keys: string[]): Promise<string[]> {
  return (await listModel(store(...keys), path, "here")).files.map(({ name }) => name);
}

describe("the files of a model in a store of keys", () => {
  it("are the object of that name, alone", async () => {
    const listing = await listModel(store("a/m", "a/m/x", "a/m2"), "a/m", "here");
    assert.deepEqual(listing, {
      isFolder: false,
      files: [{ key: "a/m", name: "m", sizeBytes: 1, version: "v" }],
    });
  });

  it("are all below the path, and not those that merely start like it", async () => {
    const keys = ["a/m/1/x", "a/m/y", "a/m2/z", "a/m.onnx"];
    assert.deepEqual(await names("a/m", ...keys), ["1/x", "y"]);
    assert.deepEqual(await names("a/m/", ...keys), ["1/x", "y"]);
    assert.deepEqual(await names("/a//m", ...keys), ["1/x", "y"]);
    assert.deepEqual(await names("", "x", "y/z"), ["x", "y/z"]);
  });

  it("do not count keys that mark folders", async () => {
    assert.deepEqual(await names("m0", "m0", "m0/x", "m0/sub/", "m0/sub/y"), ["sub/y", "x"]);
    assert.deepEqual(await names("m", "m/sub0", "m/sub0/y"), ["sub0/y"]);
  });

  it("may be empty", async () => {
    assert.deepEqual(await names("m", "m/x0", "m/y"), ["x0", "y"]);
    assert.deepEqual(await names("x0", "x0"), ["x0"]);
  });

  it("are an error where there are none", async () => {
    for (const path of ["m", "m/", "a/m/x"]) {
      await assert.rejects(names(path, "m2/x", "a/m"), {
        kind: "failed-precondition",
        message: "here does not exist: nothing is stored there",
      });
    }
  });

  it("are refused if a local disk cannot have them", async () => {
    const bad = ["m/../x", "m/./x", "m/a\0b", "m/..", `m/${"x".repeat(256)}`];
    for (const key of bad) {
      await assert.rejects(names("m", "m/ok", key), { kind: "invalid-argument" }, key);
    }
    await assert.rejects(names("../m", "m"), { kind: "invalid-argument" });
    await assert.rejects(names("m", "m/a", "m//a"), { message: /'a' exists twice/ });
    await assert.rejects(names("m", "m/a", "m/a/b"), { message: /a file and as a folder/ });
  });
});
