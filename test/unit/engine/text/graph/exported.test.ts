import assert from "node:assert/strict";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import type { TextTask } from "../../../../../src/engine/contract/text-facts.ts";
import { GraphBuilder } from "../../../../../src/engine/onnx/write/graph-builder.ts";
import {
  type ElementType,
  elementTypes,
  floatTensor,
  int64Tensor,
} from "../../../../../src/engine/onnx/write/graph-tensor.ts";
import {
  readTextFolder,
  type TextFolder,
} from "../../../../../src/engine/text/folder/text-folder.ts";
import { buildTextGraph } from "../../../../../src/engine/text/graph/build-text-graph.ts";
import { openTextGraph } from "../../../../support/text/open-text-graph.ts";
import { textFixture } from "../../../../support/text/text-fixtures.ts";

const words = 100;
const width = 4;
/** The vector of word n is n, n + 0.25, n + 0.5, n + 0.75. */
const table = Array.from({ length: words * width }, (_, at) => at / width);
const [one, two] = [
  [4, 9, 2],
  [7, 1, 0],
];
const batch = {
  input_ids: [one, two],
  attention_mask: [
    [1, 1, 1],
    [1, 1, 0],
  ],
  token_type_ids: [
    [0, 0, 0],
    [0, 0, 0],
  ],
  pooling_mask: [
    [0, 1, 1],
    [0, 1, 0],
  ],
};

interface Export {
  readonly opset?: number;
  readonly inputs?: readonly string[];
  readonly inputType?: ElementType;
  readonly output?: string;
  readonly outputType?: ElementType;
  /** What the output is made of the words' vectors. */
  readonly make?: (graph: GraphBuilder, vectors: string) => string;
  readonly rank?: number;
  /** The name of the file that the table is in; by default the model's own. */
  readonly location?: string;
}

function exported(options: Export): Uint8Array {
  const { opset = 14, inputs = ["input_ids", "attention_mask"], rank = 3 } = options;
  const { inputType = "int64", outputType = "float", output = "last_hidden_state" } = options;
  const graph = new GraphBuilder({ "": opset });
  for (const name of inputs) graph.input(name, inputType, ["batch", "tokens"]);
  const vectors =
    options.location === undefined
      ? graph.constant(floatTensor("float", table, [words, width]))
      : graph.stored({
          type: "float",
          shape: [words, width],
          location: options.location,
          offset: 0,
          length: 4 * table.length,
        });
  const found = graph.node("Gather", [vectors, inputs[0] ?? ""]);
  const made = options.make?.(graph, found) ?? found;
  const to = { attributes: { to: { int: elementTypes[outputType] } } };
  const value = outputType === "float" ? made : graph.node("Cast", [made], to);
  const shape = [...["batch", "tokens"].slice(0, rank - 1), width];
  graph.output(output, value, { type: outputType, shape });
  return graph.finish();
}

function assertNear(found: readonly number[], expected: readonly number[]): void {
  assert.equal(found.length, expected.length);
  for (const [at, value] of expected.entries()) {
    assert.ok(Math.abs((found[at] as number) - value) < 1e-5, `${found} instead of ${expected}`);
  }
}

describe("the graph of an exported text model", () => {
  let directory = "";
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "modelport-exported-"));
  });
  after(() => rm(directory, { recursive: true }));

  async function folderOf(
    options: Export,
    {
      task = "embedding" as TextTask,
      modules = undefined as TextFolder["modules"] | undefined,
    } = {},
  ): Promise<TextFolder> {
    const file = join(directory, "model.onnx");
    await writeFile(file, exported(options));
    const folder = readTextFolder(textFixture("bert-embedding"));
    return {
      ...folder,
      weights: { kind: "onnx", file, data: {} },
      modules: modules ?? [{ type: "pooling", modes: ["mean"], includePrompt: true }],
      facts: { ...folder.facts, task },
    };
  }

  function answer(folder: TextFolder): readonly number[] {
    const model = openTextGraph(buildTextGraph(folder));
    const { numbers } = model.run(batch);
    model.release();
    return [...numbers].filter((_, at) => at % width === 0);
  }

  async function assertRefused(options: Export, why: RegExp): Promise<void> {
    const folder = await folderOf(options);
    assert.throws(
      () => buildTextGraph(folder),
      (reason) =>
        reason instanceof RuntimeError &&
        reason.kind === "invalid-argument" &&
        why.test(reason.message),
    );
  }

  it("pools the vectors of its tokens, whichever opset it has", async () => {
    for (const opset of [12, 13, 17, 18, 21]) {
      assert.deepEqual(answer(await folderOf({ opset })), [5, 4], `opset ${opset}`);
    }
  });

  it("pools in every way, and normalises", async () => {
    for (const [modes, expected] of [
      ["cls", [4, 7]],
      ["max", [9, 7]],
      ["lasttoken", [2, 1]],
      ["weightedmean", [(4 + 18 + 6) / 6, 9 / 3]],
      ["mean_sqrt_len", [15 / Math.sqrt(3), 8 / Math.sqrt(2)]],
    ] as const) {
      for (const opset of [12, 18]) {
        const modules = [{ type: "pooling", modes: [modes], includePrompt: true }] as const;
        assertNear(answer(await folderOf({ opset }, { modules })), expected);
        const normal = await folderOf({ opset }, { modules: [...modules, { type: "normalize" }] });
        const model = openTextGraph(buildTextGraph(normal));
        const length = Math.hypot(...model.run(batch).numbers.subarray(0, width));
        model.release();
        assert.ok(Math.abs(length - 1) < 1e-6);
      }
    }
  });

  it("leaves out the tokens of prompts if the pooling does", async () => {
    for (const [mode, expected] of [
      ["mean", [5.5, 1]],
      ["cls", [9, 1]],
      ["lasttoken", [2, 1]],
      ["max", [9, 1]],
      ["weightedmean", [(18 + 6) / 5, 1]],
    ] as const) {
      const modules = [{ type: "pooling", modes: [mode], includePrompt: false }] as const;
      const folder = await folderOf({}, { modules });
      assert.ok(buildTextGraph(folder).inputs.includes("pooling_mask"));
      assertNear(answer(folder), expected);
    }
  });

  it("is taken as it is where the file pools by itself", async () => {
    const make = (graph: GraphBuilder, vectors: string) => {
      const zero = graph.constant(int64Tensor([0], []));
      return graph.node("Gather", [vectors, zero], { attributes: { axis: { int: 1 } } });
    };
    const pooled = { make, rank: 2, output: "sentence_embedding" };
    assert.deepEqual(answer(await folderOf(pooled)), [4, 7]);
    const logits = await folderOf({ make, rank: 2, output: "logits" }, { task: "classification" });
    assert.deepEqual(answer(logits), [4, 7]);
    const graph = buildTextGraph(logits);
    assert.deepEqual([graph.output, graph.width], ["logits", width]);
  });

  it("gives the logits of tokens under their own name", async () => {
    const folder = await folderOf({ output: "logits" }, { task: "token-classification" });
    assert.equal(buildTextGraph(folder).output, "token_logits");
    assert.deepEqual(answer(folder), [...one, ...two]);
  });

  it("makes floats of other kinds of numbers", async () => {
    for (const outputType of ["float16", "double"] as const) {
      assert.deepEqual(answer(await folderOf({ outputType })), [5, 4]);
    }
  });

  it("adds the mask that the file does without", async () => {
    const folder = await folderOf({ inputs: ["input_ids"] });
    assert.deepEqual(buildTextGraph(folder).inputs, ["input_ids", "attention_mask"]);
    assert.deepEqual(answer(folder), [5, 4]);
  });

  it("leaves weights where they are: in the file, or in the file beside it", async () => {
    const folder = await folderOf({});
    const graph = buildTextGraph(folder);
    assert.ok(graph.onnx.byteLength < 1500, `${graph.onnx.byteLength} bytes`);
    assert.deepEqual(graph.dataFiles, [join(directory, "model.onnx")]);
    const beside = join(directory, "model.onnx_data");
    await writeFile(beside, new Uint8Array(Float32Array.from(table).buffer));
    const other = await folderOf({ location: "model.onnx_data" });
    assert.deepEqual(buildTextGraph(other).dataFiles, [join(directory, "model.onnx"), beside]);
    assert.deepEqual(answer(other), [5, 4]);
    // A link's target has another name, so the folder says where the file is.
    const elsewhere = join(directory, "0123");
    await rename(beside, elsewhere);
    const file = join(directory, "model.onnx");
    const data = { "model.onnx_data": elsewhere };
    assert.deepEqual(answer({ ...other, weights: { kind: "onnx", file, data } }), [5, 4]);
  });

  it("is refused with the name of what does not fit", async () => {
    await assertRefused({ opset: 11 }, /has opset 11, expected 12 or newer/);
    await assertRefused({ inputs: ["input_ids", "past_key_values"] }, /input 'past_key_values'/);
    await assertRefused({ inputs: ["attention_mask"] }, /has no input 'input_ids'/);
    await assertRefused({ inputType: "int32" }, /'input_ids' must be INT64/);
    await assertRefused({ outputType: "int64" }, /expected floats as sentence_embedding/);
    await assertRefused({ location: "gone.data" }, /weights in 'gone\.data', which is not beside/);
    await assertRefused(
      { location: "../model.onnx_data" },
      /'\.\.\/model\.onnx_data', which is not/,
    );
  });

  it("is refused where the file is not an ONNX model", async () => {
    const folder = await folderOf({});
    const file = join(directory, "broken.onnx");
    const bytes = exported({});
    for (const length of [0, 3, 40, bytes.byteLength - 1]) {
      await writeFile(file, bytes.subarray(0, length));
      assert.throws(
        () => buildTextGraph({ ...folder, weights: { kind: "onnx", file, data: {} } }),
        (reason) => reason instanceof RuntimeError && reason.kind === "invalid-argument",
      );
    }
  });
});
