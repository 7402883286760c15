import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import { readTextFolder } from "../../src/engine/text/folder/text-folder.ts";

const examples = new URL("../../examples/", import.meta.url);
const committedLimitBytes = 500_000;

const models = {
  digits: {
    file: "models/digits/model.onnx",
    inputs: [{ name: "image", type: "float32", shape: ["batch", 1, 8, 8] }],
    outputs: [
      { name: "probabilities", type: "float32", shape: ["batch", 10] },
      { name: "label", type: "int64", shape: ["batch"] },
    ],
    classes: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  },
  iris: {
    file: "models/iris/1/model.onnx",
    inputs: [{ name: "measurements", type: "float32", shape: ["batch", 4] }],
    outputs: [
      { name: "label", type: "string", shape: ["batch"] },
      { name: "probabilities", type: "float32", shape: ["batch", 3] },
    ],
    classes: ["setosa", "versicolor", "virginica"],
  },
} as const;

const datatypes = { float32: "FP32", int64: "INT64", string: "BYTES" } as const;

type ModelName = keyof typeof models;
type Label = number | string;

function isModelName(name: string): name is ModelName {
  return Object.hasOwn(models, name);
}

async function readJson(path: string): Promise<JsonValue> {
  return JSON.parse(await readFile(new URL(path, examples), "utf8"));
}

/** What expected.json says of each request. */
async function readExpected(): Promise<Record<string, Label[]>> {
  const expected = await readJson("requests/expected.json");
  return Object.fromEntries(
    Object.entries(Object(expected)).map(([file, answer]) => {
      const { label } = Object(answer);
      assert.ok(Array.isArray(label) && label.length > 0, `${file} has no expected label`);
      return [file, label];
    }),
  );
}

/** An example request, read the way the server reads it, as the tensor that the model takes. */
async function readRequest(file: string) {
  const { modelName, inputs } = fromJson(
    ModelInferRequestSchema,
    await readJson(`requests/${file}`),
  );
  const [input] = inputs;
  assert.ok(isModelName(modelName), `${file} is for an unknown model ${modelName}`);
  assert.ok(input?.contents && inputs.length === 1);
  assert.equal(input.datatype, "FP32");
  const tensor = new Tensor("float32", input.contents.fp32Contents, input.shape.map(Number));
  return { modelName, feeds: { [input.name]: tensor } };
}

/** The trimmed cells of every table row in the README. */
async function readReadmeTables(): Promise<string[][]> {
  const text = await readFile(new URL("README.md", examples), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

function isArgMax(row: readonly number[], index: number): boolean {
  return index === row.indexOf(Math.max(...row));
}

describe("the example models", () => {
  const sessions = new Map<ModelName, InferenceSession>();

  before(async () => {
    for (const name of Object.keys(models).filter(isModelName)) {
      const bytes = await readFile(new URL(models[name].file, examples));
      sessions.set(name, await InferenceSession.create(bytes, { intraOpNumThreads: 1 }));
    }
  });
  after(async () => {
    for (const session of sessions.values()) await session.release();
  });

  function session(name: ModelName): InferenceSession {
    const found = sessions.get(name);
    assert.ok(found);
    return found;
  }

  for (const name of Object.keys(models).filter(isModelName)) {
    it(`${name} has the tensors that the README promises, with a batch dimension that varies`, async () => {
      const { inputs, outputs } = models[name];
      const tensor = { isTensor: true };
      const { inputMetadata, outputMetadata } = session(name);
      assert.deepEqual(
        inputMetadata,
        inputs.map((spec) => ({ ...spec, ...tensor })),
      );
      assert.deepEqual(
        outputMetadata,
        outputs.map((spec) => ({ ...spec, ...tensor })),
      );
      const rows = await readReadmeTables();
      for (const spec of [...inputs, ...outputs]) {
        const promise = [`\`${spec.name}\``, datatypes[spec.type], `[${spec.shape.join(", ")}]`];
        const row = rows.find((cells) => isDeepStrictEqual(cells.slice(2, 5), promise));
        assert.ok(row, `README.md does not list ${promise.join(" ")}`);
      }
    });

    it(`${name} is small enough to be committed`, async () => {
      const { size } = await stat(new URL(models[name].file, examples));
      assert.ok(size < committedLimitBytes, `${size} bytes`);
    });
  }

  it("all have a request, and every request an expected answer", async () => {
    const files = (await readdir(new URL("requests/", examples))).filter(
      (file) => file !== "expected.json",
    );
    assert.deepEqual(files.sort(), Object.keys(await readExpected()).sort());
    const named = await Promise.all(files.map(async (file) => (await readRequest(file)).modelName));
    assert.deepEqual([...new Set(named)].sort(), Object.keys(models).sort());
  });

  it("give the expected answers to the example requests, and good probabilities", async () => {
    for (const [file, expected] of Object.entries(await readExpected())) {
      const { modelName, feeds } = await readRequest(file);
      const { label, probabilities } = await session(modelName).run(feeds);
      const { classes } = models[modelName];
      assert.ok(label && probabilities);
      const labels = [...label.data].map((value) =>
        typeof value === "bigint" ? Number(value) : value,
      );
      assert.deepEqual(labels, expected, file);
      assert.deepEqual(probabilities.dims, [expected.length, classes.length]);
      const values = Array.from(probabilities.data, Number);
      for (const [index, answer] of expected.entries()) {
        const row = values.slice(index * classes.length, (index + 1) * classes.length);
        const sum = row.reduce((total, value) => total + value, 0);
        assert.ok(Math.abs(sum - 1) < 1e-5, `${file}: probabilities add up to ${sum}`);
        const place = classes.findIndex((name: Label) => name === answer);
        assert.ok(isArgMax(row, place), `${file}: ${answer} is not the likeliest of ${row}`);
      }
    }
  });

  it("have the answers in the README that expected.json has", async () => {
    const rows = await readReadmeTables();
    for (const [file, expected] of Object.entries(await readExpected())) {
      const row = rows.find(([name]) => name === `\`${file}\``);
      assert.equal(row?.at(-1), expected.join(", "), `README.md on ${file}`);
    }
  });
});

describe("the example text model", () => {
  const folder = fileURLToPath(new URL("models/sentences", examples));

  it("is a folder of sentence-transformers that makes normalised embeddings", () => {
    const { facts, weights } = readTextFolder(folder);
    assert.equal(weights.kind, "safetensors");
    assert.equal(facts.task, "embedding");
    assert.equal(facts.dimensions, 128);
    assert.equal(facts.isNormalised, true);
  });

  it("is small enough to be committed", async () => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    const stats = await Promise.all(
      files.map(({ parentPath, name }) => stat(`${parentPath}/${name}`)),
    );
    const bytes = stats.reduce((sum, { size }) => sum + size, 0);
    assert.ok(bytes < 2_000_000, `${bytes} bytes`);
  });
});
