import assert from "node:assert/strict";
import fs from "node:fs";
import { writeFile } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { scanOnnxFile } from "../../../../src/engine/onnx/graph/scan-file.ts";
import { addOne } from "../../../support/models/simple-models.ts";

describe("a disk that fails while a model file is read", () => {
  it("is told as what it is, and the file may be tried again", async (t) => {
    const file = join(tmpdir(), `modelport-fault-${process.pid}.onnx`);
    t.after(() => fs.rmSync(file, { force: true }));
    await writeFile(file, addOne());
    const read = t.mock.method(fs, "readSync", () => {
      throw Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" });
    });
    // Imports by name see it as well.
    syncBuiltinESMExports();
    t.after(() => {
      read.mock.restore();
      syncBuiltinESMExports();
    });
    await assert.rejects(async () => scanOnnxFile(file), {
      kind: "temporarily-unavailable",
      message: /\.onnx cannot be read now: EIO/,
    });
    assert.ok(read.mock.callCount() > 0);
    read.mock.restore();
    syncBuiltinESMExports();
    assert.ok((await scanOnnxFile(file)).nodeCount > 0);
  });
});
