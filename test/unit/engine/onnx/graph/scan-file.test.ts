import assert from "node:assert/strict";
import { mkdir, mkdtemp, open, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { RuntimeError } from "../../../../../src/base/errors.ts";
import { scanOnnxFile } from "../../../../../src/engine/onnx/graph/scan-file.ts";
import { footprintOf } from "../../../../../src/engine/onnx/memory/footprint.ts";
import {
  failsAtRun,
  junk,
  truncated,
  unknownOp,
} from "../../../../support/models/failing-models.ts";
import { slowLoop } from "../../../../support/models/heavy-models.ts";
import { conv, externalData, mlp } from "../../../../support/models/layered-models.ts";
import { ProtobufWriter } from "../../../../support/models/protobuf-writer.ts";
import { addOne } from "../../../../support/models/simple-models.ts";
import { otherReadings } from "../../../../support/onnx/other-readings.ts";

let directory = "";
let files = 0;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "modelport-scan-"));
});
after(() => rm(directory, { recursive: true, force: true }));

async function put(bytes: Uint8Array): Promise<string> {
  const file = join(directory, `model-${files++}`);
  await writeFile(file, bytes);
  return file;
}

async function scan(bytes: Uint8Array) {
  return scanOnnxFile(await put(bytes));
}

function message(): ProtobufWriter {
  return new ProtobufWriter();
}

/** A model whose graph has these initializers. */
function withTensors(...tensors: ProtobufWriter[]): Uint8Array {
  return message().integer(1, 8).message(7, message().messages(5, tensors)).finish();
}

function withExternal(entries: Record<string, string>, dims: readonly number[] = [4]): Uint8Array {
  const tensor = message().integers(1, dims).integer(2, 1).integer(14, 1);
  for (const [key, value] of Object.entries(entries)) {
    tensor.message(13, message().text(1, key).text(2, value));
  }
  return withTensors(tensor);
}

describe("the scan of an ONNX file", () => {
  it("counts the bytes of initializers", async () => {
    const { weightBytes } = await scan(mlp({ inputs: 256, hidden: 448, outputs: 10 }));
    assert.equal(weightBytes, 4 * (256 * 448 + 448 + 448 * 10 + 10));
  });

  it("counts the tensors in nodes and in their subgraphs", async () => {
    // The matrix' shape (2 x int64), a zero, and the 1 / 512 in the attribute of a node.
    assert.equal((await scan(slowLoop())).weightBytes, 16 + 4 + 4);
    const nested = message().message(5, message().integer(2, 1).bytes(9, new Uint8Array(40)));
    const loop = message().message(5, message().message(6, nested));
    const model = message().message(7, message().message(1, loop)).finish();
    assert.equal((await scan(model)).weightBytes, 40);
  });

  it("counts strings with what each of them takes in memory", async () => {
    const { weightBytes } = await scan(failsAtRun());
    assert.equal(weightBytes, 3 * 32 + Buffer.byteLength("zeroonezwölf"));
  });

  it("counts typed data by the shape, as far as data is there", async () => {
    const int8 = message()
      .integers(1, [3])
      .integer(2, 3)
      .bytes(5, Uint8Array.of(1, 2, 3));
    assert.equal((await scan(withTensors(int8))).weightBytes, 3);
    const float = message().integers(1, [2]).integer(2, 1).bytes(4, new Uint8Array(8));
    assert.equal((await scan(withTensors(float))).weightBytes, 8);
    const packedShape = message().bytes(1, Uint8Array.of(2, 3)).integer(2, 7);
    const int64 = packedShape.bytes(7, new Uint8Array(6));
    assert.equal((await scan(withTensors(int64))).weightBytes, 48);
    const liar = message()
      .integers(1, [2 ** 40, 2 ** 40])
      .integer(2, 1)
      .bytes(4, new Uint8Array(8));
    assert.equal((await scan(withTensors(liar))).weightBytes, 8);
    const onlyShape = message()
      .integers(1, [2 ** 40])
      .integer(2, 1);
    assert.equal((await scan(withTensors(onlyShape))).weightBytes, 0);
  });

  it("passes over weights without reading them", async () => {
    const file = await put(withTensors(message().integer(2, 1).bytes(9, new Uint8Array(10))));
    // The same with a gigabyte that the file system does not even store.
    const huge = 2 ** 30;
    const lengths = [huge, 2 + 6 + huge, 4 + 6 + 6 + huge];
    const varint = (value: number) => {
      const bytes: number[] = [];
      for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
      return [...bytes, value];
    };
    const raw = [0x4a, ...varint(lengths[0] as number)];
    const tensor = [0x10, 1, ...raw];
    const tensorHead = [0x2a, ...varint(tensor.length + huge)];
    const graphHead = [0x3a, ...varint(tensorHead.length + tensor.length + huge)];
    const head = Uint8Array.from([...graphHead, ...tensorHead, ...tensor]);
    await writeFile(file, head);
    await truncate(file, head.length + huge);
    assert.equal((await scanOnnxFile(file)).weightBytes, huge);
    await truncate(file, head.length + huge - 1);
    await assert.rejects(scanOnnxFile(file), {
      kind: "invalid-argument",
      message: /is cut off: 1 bytes are missing$/,
    });
  });

  const refused: readonly [what: string, bytes: () => Uint8Array, message: RegExp][] = [
    ["an empty file", () => new Uint8Array(0), /is not an ONNX model: it is empty$/],
    ["junk", () => junk(5000), /is not an ONNX model: /],
    ["text", () => Buffer.from("version https://git-lfs.github.com\n"), /is not an ONNX model: /],
    ["zeroes", () => new Uint8Array(100), /a field has the number 0$/],
    ["a model cut in half", () => truncated(conv()), /is cut off: \d+ bytes are missing$/],
    ["a message without a graph", () => message().integer(1, 8).finish(), /it has no graph$/],
    [
      "graphs nested without end",
      () => {
        let graph = message();
        for (let depth = 0; depth < 200; depth++) {
          graph = message().message(1, message().message(5, message().message(6, graph)));
        }
        return message().message(7, graph).finish();
      },
      /nested more than 100 deep$/,
    ],
    [
      "a field that is longer than its message",
      () => Uint8Array.of(0x3a, 2, 0x2a, 10, 0x12, 0x01),
      /a field is longer than the message around it$/,
    ],
    ["a number without end", () => new Uint8Array(20).fill(0xff), /more than 10 bytes$/],
  ];
  for (const [what, bytes, text] of refused) {
    it(`refuses ${what}, naming the file`, async () => {
      const file = await put(bytes());
      await assert.rejects(scanOnnxFile(file), (error: unknown) => {
        assert.ok(error instanceof RuntimeError);
        assert.equal(error.kind, "invalid-argument");
        assert.ok(error.message.startsWith(file), error.message);
        assert.match(error.message, text);
        return true;
      });
    });
  }

  it("leaves operators to the engine", async () => {
    assert.equal((await scan(unknownOp())).nodeCount, 1);
  });

  it("says what is missing if there is no file", async () => {
    await assert.rejects(scanOnnxFile(join(directory, "missing")), {
      kind: "failed-precondition",
      message: /missing does not exist$/,
    });
  });

  it("refuses a directory", async () => {
    await assert.rejects(scanOnnxFile(directory), { kind: "invalid-argument" });
  });
});

describe("the scan of a model with external data", () => {
  it("counts the data", async () => {
    const file = await externalData(join(directory, "external"));
    assert.equal((await scanOnnxFile(file)).weightBytes, 16);
  });

  it("takes the length from the shape if the model does not say it", async () => {
    await writeFile(join(directory, "data.bin"), new Uint8Array(20));
    assert.equal((await scan(withExternal({ location: "data.bin" }))).weightBytes, 16);
    assert.equal((await scan(withExternal({ location: "data.bin", offset: "4" }))).weightBytes, 16);
  });

  it("refuses a data file that is too short", async () => {
    await writeFile(join(directory, "short.bin"), new Uint8Array(15));
    for (const entries of [{}, { length: "16" }, { offset: "15", length: "1" }, { offset: "12" }]) {
      await assert.rejects(scan(withExternal({ location: "short.bin", ...entries })), {
        kind: "invalid-argument",
        message: /needs 16 bytes of its data file short\.bin, which has only 15$|needs 28 bytes/,
      });
    }
  });

  it("names a data file that is missing", async () => {
    await assert.rejects(scan(withExternal({ location: "nowhere.bin" })), {
      kind: "failed-precondition",
      message: /nowhere\.bin \(weights of .*model-\d+\) does not exist$/,
    });
  });

  for (const location of [
    "../data.bin",
    "/etc/passwd",
    "a/../../data.bin",
    "",
    "a\0b",
    "..",
    "a/../b",
  ]) {
    it(`refuses ${JSON.stringify(location)} as a data file`, async () => {
      await assert.rejects(scan(withExternal({ location })), {
        kind: "invalid-argument",
        message: /must lie in the model's directory$/,
      });
    });
  }

  for (const [what, model] of Object.entries(otherReadings("secret.bin"))) {
    it(`is no careless one of ${what}`, async () => {
      for (const name of ["model.bin", "secret.bin"]) {
        await writeFile(join(directory, name), new Uint8Array(16));
      }
      const seen = await scan(model).then(
        ({ weightFiles }) => weightFiles,
        (error) => {
          assert.equal(error.kind, "invalid-argument", error.message);
          return [join(directory, "secret.bin")];
        },
      );
      assert.ok(seen.includes(join(directory, "secret.bin")), seen.join());
    });
  }

  it("refuses names that are not UTF-8, which another name may look like", async () => {
    const entry = message().text(1, "location").bytes(2, Uint8Array.of(0x61, 0xff));
    const tensor = message().integers(1, [4]).integer(2, 1).integer(14, 1).message(13, entry);
    await writeFile(join(directory, "a\ufffd"), new Uint8Array(16));
    await assert.rejects(scan(withTensors(tensor)), { kind: "invalid-argument", message: /UTF-8/ });
  });

  it("knows names that begin with two dots", async () => {
    await mkdir(join(directory, "..data"), { recursive: true });
    await writeFile(join(directory, "..data/0.bin"), new Uint8Array(16));
    assert.equal((await scan(withExternal({ location: "..data/0.bin" }))).weightBytes, 16);
  });

  it("refuses places that are not numbers", async () => {
    await writeFile(join(directory, "data.bin"), new Uint8Array(20));
    for (const length of ["-1", "x", "", "1e3", "99999999999999999999"]) {
      await assert.rejects(scan(withExternal({ location: "data.bin", length })), {
        kind: "invalid-argument",
      });
    }
  });
});

describe("the scan of hostile bytes", () => {
  it("ends with a footprint or with a RuntimeError, whatever is changed in a model", async () => {
    // Deterministic: a failure can be repeated by its number.
    let seed = 12345;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const models = [addOne(), slowLoop(), conv(), failsAtRun(), withExternal({ location: "x" })];
    const file = await put(new Uint8Array(0));
    let accepted = 0;
    let refused = 0;
    for (let round = 0; round < 1500; round++) {
      const bytes = Uint8Array.from(models[round % models.length] as Uint8Array);
      for (let change = 0; change <= random(4); change++) {
        bytes[random(Math.min(bytes.length, 400))] = random(2) === 0 ? 0xff : random(256);
      }
      const handle = await open(file, "w");
      await handle.writeFile(random(4) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      await handle.close();
      try {
        const { loadedBytes, usualBytes, leastBytes } = footprintOf(await scanOnnxFile(file));
        assert.ok(Number.isSafeInteger(loadedBytes), `round ${round}: ${loadedBytes}`);
        assert.ok(loadedBytes >= usualBytes && usualBytes >= leastBytes, `round ${round}`);
        assert.ok(leastBytes >= 0, `round ${round}`);
        accepted++;
      } catch (error) {
        if (!(error instanceof RuntimeError)) throw error;
        assert.match(error.kind, /^(invalid-argument|failed-precondition)$/, `round ${round}`);
        refused++;
      }
    }
    assert.ok(accepted > 100 && refused > 100, `${accepted} accepted, ${refused} refused`);
  });
});
