import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type RunTable, tableBytes } from "../../../../../src/engine/contract/run-table.ts";
import { ModelRuns } from "../../../../../src/engine/run-memory/model-runs.ts";
import {
  inspectTextFolder,
  tabulateTextFolder,
} from "../../../../../src/engine/text/memory/inspect-text.ts";
import { textFixture } from "../../../../support/text/text-fixtures.ts";
import { writeTinyBert } from "../../../../support/text/tiny-bert.ts";

const KiB = 1024;
const [hidden, layers, maxTokens] = [64, 3, 512];
/** Of the linear layers, four of hidden by hidden and two of twice that, in FP32. */
const linearBytes = layers * (4 + 2 * 2) * hidden * hidden * 4;

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "modelport-text-"));
  await writeTinyBert(folder, { hidden, layers, maxTokens });
});
after(() => rm(folder, { recursive: true, force: true }));

describe("the memory of a text model", () => {
  it("is that of the weights that kernels copy, and of the tokenizer", async () => {
    const packed = await inspectTextFolder(folder);
    const mapped = await inspectTextFolder(folder, { choices: { isMapped: true } });
    const copied = packed.usualBytes - mapped.usualBytes;
    assert.ok(copied >= linearBytes && copied < linearBytes + 256 * KiB, `${copied} bytes`);
    assert.ok(mapped.leastBytes < mapped.usualBytes && mapped.usualBytes < mapped.loadedBytes);
    assert.deepEqual(packed.rowProof, { isProven: true, isBuilt: true });
  });

  it("comes with the facts of the folder, its settings included, and with all of its files", async () => {
    const { text, weightFiles } = await inspectTextFolder(folder, { choices: { maxTokens: 100 } });
    assert.equal(text?.maxTokens, 100);
    assert.equal(text?.dimensions, hidden);
    const names = weightFiles.map((file) => basename(file));
    for (const name of ["config.json", "tokenizer.json", "model.safetensors", "modules.json"]) {
      assert.ok(names.includes(name), name);
    }
  });

  it("has rows whose joined runs are compared where it follows from an ONNX file", async () => {
    const { rowProof, isClear } = await inspectTextFolder(textFixture("bert-onnx"));
    assert.ok(isClear);
    assert.ok(!rowProof.isProven && rowProof.promise !== undefined, JSON.stringify(rowProof));
  });
});

describe("what runs of a text model take", () => {
  const need = (table: RunTable, bytes: number) => {
    const runs = new ModelRuns({ rows: 0, bytes: 1 }, () => Promise.resolve(table));
    const request = { index: 0, shape: [1], data: { byteLength: bytes } };
    const inputs = [{ name: "item", datatype: "BYTES", shape: [-1] }] as const;
    return runs.prepare().then(() => runs.expect([request], undefined, inputs)?.followedBytes ?? 0);
  };

  it("follows from the bytes of a request, up to the longest text", async () => {
    const table = (await tabulateTextFolder(folder)) as RunTable;
    const [short, long, longest, beyond] = (await Promise.all(
      [100, 3_000, 3 * maxTokens, 1_000_000].map((bytes) => need(table, bytes)),
    )) as [number, number, number, number];
    // The scores of four heads at 512 tokens alone.
    assert.ok(longest > 4 * maxTokens ** 2 * 4, `${longest} bytes`);
    assert.ok(short <= longest && longest <= long && long <= beyond * 1.5);
    assert.equal(tableBytes(table, 64, [100]), tableBytes(table, 1, [100]), "rows run in turns");
  });

  it("is less where settings allow less", async () => {
    const [all, some] = await Promise.all(
      [512, 64].map((most) => tabulateTextFolder(folder, { choices: { maxTokens: most } })),
    );
    assert.ok(Math.max(...(some?.bytes ?? [])) < Math.max(...(all?.bytes ?? [])) / 2);
  });
});
