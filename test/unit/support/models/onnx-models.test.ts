import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { InferenceSession, Tensor } from "onnxruntime-node";
import {
  failsAtRun,
  float4Io,
  junk,
  sequenceOutput,
  truncated,
  unknownOp,
} from "../../../support/models/failing-models.ts";
import { bomb, slowLoop } from "../../../support/models/heavy-models.ts";
import {
  conv,
  externalData,
  mlp,
  weights,
  writeWeightsModel,
} from "../../../support/models/layered-models.ts";
import {
  addConstant,
  addOne,
  fixedShape,
  identity,
  scalar,
  twoInputsTwoOutputs,
} from "../../../support/models/simple-models.ts";

// Severity 4: the failing runs below are wanted, their log lines are not.
const quiet = { intraOpNumThreads: 1, logSeverityLevel: 4 } as const;

type Feeds = InferenceSession.OnnxValueMapType;

async function withSession<T>(
  model: Uint8Array | string,
  use: (session: InferenceSession) => T | Promise<T>,
): Promise<T> {
  const session = await (typeof model === "string"
    ? InferenceSession.create(model, quiet)
    : InferenceSession.create(model, quiet));
  try {
    return await use(session);
  } finally {
    await session.release();
  }
}

function run(model: Uint8Array | string, feeds: Feeds): Promise<Record<string, Tensor>> {
  return withSession(model, async (session) => {
    const outputs = await session.run(feeds);
    return Object.fromEntries(
      Object.entries(outputs).map(([name, value]) => {
        assert.ok(value instanceof Tensor, `${name} is not a tensor`);
        return [name, value];
      }),
    );
  });
}

function fp32(shape: readonly number[], value: (index: number) => number = (index) => index) {
  const count = shape.reduce((product, size) => product * size, 1);
  return new Tensor(
    "float32",
    Float32Array.from({ length: count }, (_, index) => value(index)),
    shape,
  );
}

function int64(...values: number[]): Tensor {
  return new Tensor("int64", BigInt64Array.from(values, BigInt), [values.length]);
}

function numbers(tensor: Tensor | undefined): number[] {
  return Array.from(tensor?.data ?? [], Number);
}

describe("addOne and addConstant", () => {
  it("add to any number of rows of four", async () => {
    const { y } = await run(addOne(), { x: fp32([2, 4]) });
    assert.deepEqual(y?.dims, [2, 4]);
    assert.deepEqual(numbers(y), [1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("tell two generations of a model apart", async () => {
    const answers = [];
    for (const amount of [7, -0.5]) {
      const { y } = await run(addConstant(amount), { x: fp32([1, 4], () => 1) });
      answers.push(numbers(y)[0]);
    }
    assert.deepEqual(answers, [8, 0.5]);
  });
});

describe("identity", () => {
  const cases: [Parameters<typeof identity>[0], Tensor][] = [
    ["BOOL", new Tensor("bool", Uint8Array.of(1, 0), [2, 1])],
    ["UINT8", new Tensor("uint8", Uint8Array.of(0, 255), [2, 1])],
    ["UINT16", new Tensor("uint16", Uint16Array.of(0, 65535), [2, 1])],
    ["UINT32", new Tensor("uint32", Uint32Array.of(0, 2 ** 32 - 1), [2, 1])],
    ["UINT64", new Tensor("uint64", BigUint64Array.of(0n, 2n ** 64n - 1n), [2, 1])],
    ["INT8", new Tensor("int8", Int8Array.of(-128, 127), [2, 1])],
    ["INT16", new Tensor("int16", Int16Array.of(-32768, 32767), [2, 1])],
    ["INT32", new Tensor("int32", Int32Array.of(-(2 ** 31), 2 ** 31 - 1), [2, 1])],
    ["INT64", new Tensor("int64", BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n), [2, 1])],
    ["FP32", new Tensor("float32", Float32Array.of(-0.5, 3.25), [2, 1])],
    ["FP64", new Tensor("float64", Float64Array.of(-0.1, 1e300), [2, 1])],
    ["BYTES", new Tensor("string", ["", "zwölf 🦉"], [2, 1])],
  ];

  for (const [datatype, x] of cases) {
    it(`returns ${datatype} values unchanged`, async () => {
      const { y } = await run(identity(datatype), { x });
      assert.equal(y?.type, x.type);
      assert.deepEqual(y.dims, [2, 1]);
      assert.deepEqual(y.data, x.data);
    });
  }

  it("returns FP16 values unchanged", async () => {
    // Newer Nodes have a Float16Array, which the binding cannot read: it takes the bits, unwrapped.
    const bits = Uint16Array.of(0x3c00, 0xfbff);
    const x = { type: "float16", dims: [2, 1], data: bits, location: "cpu" } as unknown as Tensor;
    const { y } = await run(identity("FP16"), { x });
    assert.equal(y?.type, "float16");
    const data = y.data as Uint16Array;
    assert.deepEqual(new Uint16Array(data.buffer, data.byteOffset, data.length), bits);
  });

  it("has one named and one unnamed dimension that vary", async () => {
    await withSession(identity("INT64"), ({ inputMetadata, outputMetadata }) => {
      const spec = { isTensor: true, type: "int64", shape: ["batch", ""] };
      assert.deepEqual(inputMetadata, [{ name: "x", ...spec }]);
      assert.deepEqual(outputMetadata, [{ name: "y", ...spec }]);
    });
  });
});

describe("models of other shapes", () => {
  it("scalar doubles one number without dimensions", async () => {
    const { y } = await run(scalar(), { x: fp32([], () => 21) });
    assert.deepEqual([y?.dims, numbers(y)], [[], [42]]);
  });

  it("fixedShape doubles its one shape and refuses others", async () => {
    const { y } = await run(fixedShape(), { x: fp32([1, 3, 4]) });
    assert.deepEqual(numbers(y), [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
    await assert.rejects(run(fixedShape(), { x: fp32([2, 3, 4]) }), /invalid dimensions/);
  });

  it("twoInputsTwoOutputs keeps its inputs and its outputs apart", async () => {
    const feeds = { a: fp32([1, 3], () => 5), b: fp32([1, 3]) };
    const { sum, difference } = await run(twoInputsTwoOutputs(), feeds);
    assert.deepEqual(numbers(sum), [5, 6, 7]);
    assert.deepEqual(numbers(difference), [5, 4, 3]);
  });

  it("mlp and conv answer a batch with one finite, distinct row each", async () => {
    const models: [Uint8Array, number[]][] = [
      [mlp({ inputs: 16, hidden: 32, outputs: 10 }), [2, 16]],
      [conv(), [2, 3, 32, 32]],
    ];
    for (const [model, shape] of models) {
      const { y } = await run(model, { x: fp32(shape, (index) => Math.sin(index)) });
      assert.deepEqual(y?.dims, [2, 10]);
      assert.ok(numbers(y).every(Number.isFinite));
      assert.equal(new Set(numbers(y)).size, 20);
    }
  });
});

describe("weights", () => {
  for (const datatype of ["FP16", "FP32", "FP64", "INT8"] as const) {
    it(`holds the asked bytes of ${datatype}, none repeated, and loads`, async () => {
      const model = weights({ bytes: 200_000, datatype });
      assert.ok(model.byteLength >= 200_000 && model.byteLength < 203_000, `${model.byteLength}`);
      const blocks = new Set<string>();
      const blockBytes = 256;
      for (let offset = 0; offset < model.byteLength; offset += blockBytes) {
        blocks.add(Buffer.from(model.subarray(offset, offset + blockBytes)).toString("latin1"));
      }
      assert.equal(blocks.size, Math.ceil(model.byteLength / blockBytes));
      await withSession(model, (session) => assert.deepEqual(session.inputNames, ["x"]));
    });
  }

  it("keeps values in scale through its layers", async () => {
    for (const datatype of ["FP32", "INT8"] as const) {
      const model = weights({ bytes: 200_000, datatype });
      const width = await withSession(model, ({ inputMetadata: [x] }) =>
        x?.isTensor ? Number(x.shape[1]) : 0,
      );
      const { y } = await run(model, { x: fp32([1, width], (index) => Math.sin(index)) });
      const values = numbers(y);
      const rms = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
      assert.ok(rms > 0.1 && rms < 10, `${datatype}: root mean square ${rms}`);
    }
  });
});

describe("model files", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "onnx-models-"));
  });
  after(() => rm(dir, { recursive: true }));

  it("writeWeightsModel writes what weights returns", async () => {
    const path = join(dir, "weights.onnx");
    // Several layers of one width, and a narrow one.
    const bytes = 3 * 4 * 1024 ** 2 + 4096;
    await writeWeightsModel(path, bytes);
    assert.ok(Buffer.from(weights({ bytes })).equals(await readFile(path)));
  });

  it("externalData keeps its weights in a second file and cannot load without", async () => {
    const path = await externalData(join(dir, "external"));
    assert.equal((await stat(join(dir, "external", "model.bin"))).size, 16);
    const { y } = await run(path, { x: fp32([1, 4], () => 0) });
    assert.deepEqual(numbers(y), [1, 2, 3, 4]);
    await rm(join(dir, "external", "model.bin"));
    await assert.rejects(run(path, { x: fp32([1, 4]) }), /model\.bin/);
  });

  it("bomb is tiny, and runs where there is memory", async () => {
    assert.ok(bomb().byteLength < 1024);
    const { y } = await run(bomb(1024 ** 2), { x: fp32([1, 4]) });
    assert.deepEqual(numbers(y), [0, 1, 2, 3]);
  });

  // Only Linux enforces the limit.
  const limitable = { skip: process.platform !== "linux" };
  it("bomb loads, but cannot run, in 600 MB", limitable, async () => {
    const path = join(dir, "bomb.onnx");
    await writeFile(path, bomb());
    const script = `
      const { InferenceSession, Tensor } = require("onnxruntime-node");
      const options = { intraOpNumThreads: 1, logSeverityLevel: 4 };
      InferenceSession.create(process.argv[1], options).then(async (session) => {
        const feeds = { x: new Tensor("float32", [0, 1, 2, 3], [1, 4]) };
        console.log(await session.run(feeds).then(() => "ran", (error) => error.message));
      });`;
    // The limit counts writable private memory, in KiB; the process needs a fifth of it by itself.
    const command = 'ulimit -d 600000 && exec "$0" -e "$1" "$2"';
    const { stdout } = await promisify(execFile)(
      "sh",
      ["-c", command, process.execPath, script, path],
      { cwd: import.meta.dirname },
    );
    assert.match(stdout, /allocat/i);
  });
});

describe("slowLoop", () => {
  it("answers exactly, and works harder for a larger n", async () => {
    const cpuMicros = async (n: number) => {
      const start = process.cpuUsage();
      const { y } = await run(slowLoop(), { x: fp32([1, 4]), n: int64(n) });
      assert.deepEqual(numbers(y), [0, 1, 2, 3]);
      return process.cpuUsage(start).user;
    };
    await cpuMicros(0);
    const [short, long] = [await cpuMicros(1), await cpuMicros(60)];
    // Processor time, so that a busy machine does not matter; in theory it is nearly sixty times.
    assert.ok(long > 2 * short, `n=1 took ${short} us, n=60 took ${long} us`);
  });
});

describe("models that fail", () => {
  it("failsAtRun loads, answers good indices and fails for the others", async () => {
    const { word } = await run(failsAtRun(), { index: int64(2, 0, 1) });
    assert.deepEqual(word?.data, ["zwölf", "zero", "one"]);
    await assert.rejects(run(failsAtRun(), { index: int64(0, 3) }), /out of data bounds, idx=3/);
  });

  it("sequenceOutput loads with an output that is not a tensor", async () => {
    await withSession(sequenceOutput(), ({ outputMetadata }) => {
      assert.deepEqual(outputMetadata, [{ name: "y", isTensor: false }]);
    });
  });

  const refused: [string, Uint8Array, RegExp][] = [
    ["float4Io", float4Io(), /FLOAT4E2M1|float4e2m1|data type: 23/i],
    ["unknownOp", unknownOp(), /NoSuchOperator/],
    ["truncated", truncated(addOne()), /parsing failed/],
    ["truncated", truncated(weights({ bytes: 200_000 })), /parsing failed/],
    ["junk", junk(1000), /parsing failed/],
    ["junk", junk(100_000), /parsing failed/],
  ];
  for (const [name, model, message] of refused) {
    it(`${name} of ${model.byteLength} bytes does not load`, async () => {
      await assert.rejects(
        withSession(model, () => undefined),
        { message },
      );
    });
  }
});
