import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import {
  readTextFolder,
  type TextFolder,
} from "../../../../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../../../../src/engine/text/graph/build-text-graph.ts";
import { fuzzRandom } from "../../../../support/attacks/fuzz-seed.ts";
import { mutateBytes } from "../../../../support/attacks/mutate.ts";
import { withHeader } from "../../../../support/text/safetensors-file.ts";
import { textFixture } from "../../../../support/text/text-fixtures.ts";

const mutants = 300;

describe("the graph of a text model, given damaged files", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-damaged-"));
  });
  after(() => rm(directory, { recursive: true }));

  /** A refusal must be in words, about this file. */
  function build(folder: TextFolder): void {
    try {
      assert.ok(buildTextGraph(folder).onnx.byteLength > 0);
    } catch (reason) {
      assert.ok(reason instanceof RuntimeError, `${(reason as Error).stack}`);
      assert.equal(reason.kind, "invalid-argument", reason.message);
      assert.match(reason.message, /^[^\n]{20,900}$/);
    }
  }

  it("is made or refused, whatever the header of safetensors says", async (t: TestContext) => {
    const random = fuzzRandom(t);
    const folder = readTextFolder(textFixture("bert-embedding"));
    const bytes = readFileSync(join(textFixture("bert-embedding"), "model.safetensors"));
    const end = 8 + Number(bytes.readBigUInt64LE());
    const file = join(directory, "model.safetensors");
    for (let count = 0; count < mutants; count++) {
      const header = mutateBytes(bytes.subarray(8, end), random);
      await writeFile(file, withHeader(Buffer.from(header), bytes.subarray(end)));
      build({ ...folder, weights: { kind: "safetensors", files: [file] } });
    }
  });

  it("is made or refused, whatever an ONNX file holds", async (t: TestContext) => {
    const random = fuzzRandom(t);
    const folder = readTextFolder(textFixture("bert-onnx"));
    const bytes = readFileSync(join(textFixture("bert-onnx"), "onnx/model.onnx"));
    const file = join(directory, "model.onnx");
    for (let count = 0; count < mutants; count++) {
      await writeFile(file, mutateBytes(bytes, random));
      build({ ...folder, weights: { kind: "onnx", file, data: {} } });
    }
  });
});
