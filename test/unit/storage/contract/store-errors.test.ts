import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toPullFolderError } from "../../../../src/storage/contract/store-errors.ts";

describe("a folder for pulled models that cannot be had", () => {
  const errorOf = (code: string) =>
    toPullFolderError(Object.assign(new Error(`${code}: oh`), { code }), "/models/_pulled");

  it("is named with the setting that says where it is, and is no fault that passes", () => {
    for (const code of ["EACCES", "EPERM", "EROFS", "ENOTDIR", "EEXIST"]) {
      const { kind, message } = errorOf(code);
      assert.equal(kind, "failed-precondition", code);
      assert.match(
        message,
        /^the folder for pulled models, \/models\/_pulled \(PULL_DIR\), cannot/,
      );
      assert.match(message, /: set PULL_DIR to a folder that this user may write to$/);
    }
  });

  it("may be had later where the disk is full or fails", () => {
    assert.equal(errorOf("ENOSPC").kind, "over-budget");
    assert.equal(errorOf("EIO").kind, "temporarily-unavailable");
    assert.match(errorOf("EIO").message, /_pulled \(PULL_DIR\)/);
  });
});
