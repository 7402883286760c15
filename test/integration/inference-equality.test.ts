import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { Datatype } from "../../src/base/tensor.ts";
import {
  type Elements,
  type InferenceWay,
  openInferenceWays,
} from "../support/clients/inference-ways.ts";
import { suiteCleanup } from "../support/fakes/fake-server.ts";
import { encodeModel } from "../support/models/onnx-builder.ts";
import { identity } from "../support/models/simple-models.ts";
import { packElements, type TensorElement } from "../support/models/tensor-elements.ts";
import { startRuntime } from "../support/servers/runtime.ts";

// Six of each, the ends of the range among them.
const samples: Record<Datatype, readonly TensorElement[]> = {
  BOOL: [true, false, false, true, true, false],
  INT8: [-128, 127, 0, -1, 1, 42],
  INT16: [-32_768, 32_767, 0, -1, 1, 256],
  INT32: [-(2 ** 31), 2 ** 31 - 1, 0, -1, 1, 65_536],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n, 0n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, -1n],
  UINT8: [0, 255, 1, 128, 127, 42],
  UINT16: [0, 65_535, 1, 32_768, 255, 256],
  UINT32: [0, 2 ** 32 - 1, 1, 2 ** 31, 65_535, 65_536],
  UINT64: [0n, 2n ** 64n - 1n, 1n, 2n ** 63n, 2n ** 53n + 1n, 2n ** 53n - 1n],
  // One, the smallest and the largest number, minus zero, infinity, a NaN.
  FP16: [0x3c00, 0x0001, 0x7bff, 0x8000, 0x7c00, 0x7e00],
  BF16: [0x3f80, 0x0001, 0x7f7f, 0x8000, 0x7f80, 0xff80],
  FP32: [0, -1, Math.fround(0.1), -(2 ** -149), Math.fround(3.4028234663852886e38), 16_777_217],
  FP64: [0, -1, 0.1, 5e-324, Number.MAX_VALUE, 2 ** 53 + 2],
  BYTES: [
    "",
    "zwölf ☃ 😀",
    'a "quoted"\\ line\nand\ttab',
    "],[}{",
    "\u0001\u2028",
    "x".repeat(300),
  ],
};
const datatypes = Object.keys(samples) as Datatype[];

interface Row extends Elements {
  readonly title: string;
  readonly model: string;
}

const rows: readonly Row[] = [
  ...datatypes.flatMap((datatype): Row[] => {
    const elements = samples[datatype];
    return [
      { title: `${datatype} [2,3]`, model: datatype, datatype, shape: [2, 3], elements },
      { title: `${datatype} of batch 0`, model: datatype, datatype, shape: [0, 3], elements: [] },
      { title: `${datatype} [2,0]`, model: datatype, datatype, shape: [2, 0], elements: [] },
      {
        title: `a scalar of ${datatype}`,
        model: `scalar-${datatype}`,
        datatype,
        shape: [],
        elements: elements.slice(1, 2),
      },
    ];
  }),
  ...(["FP32", "FP64"] as const).flatMap((datatype): Row[] => {
    const row = { model: datatype, datatype, shape: [1, 3] };
    const { NaN: none, POSITIVE_INFINITY: above, NEGATIVE_INFINITY: below } = Number;
    return [
      { ...row, title: `${datatype} with minus zero`, elements: [-0, 0, -0] },
      { ...row, title: `${datatype} without finite numbers`, elements: [none, above, below] },
    ];
  }),
];

describe("the same tensor", () => {
  const cleanup = suiteCleanup();
  let ways: readonly InferenceWay[];
  before(async () => {
    const runtime = await startRuntime();
    cleanup.after(() => runtime.close());
    const opened = openInferenceWays(runtime.port);
    cleanup.after(async () => opened.close());
    ways = opened.ways;
    const signal = AbortSignal.timeout(60_000);
    const load = async (id: string, bytes: Uint8Array) => {
      const path = await runtime.put(`${id}.onnx`, bytes);
      await runtime.models.load({ id, path, type: "", key: "" }, signal);
    };
    for (const datatype of datatypes) {
      await load(datatype, identity(datatype));
      await load(`scalar-${datatype}`, scalarIdentity(datatype));
    }
  });

  for (const { title, model, ...tensor } of rows) {
    it(`comes back the same bit for bit by every way: ${title}`, async () => {
      const used = ways.filter((way) => way.carries(tensor));
      assert.ok(used.length >= 5, "all raw ways at least");
      const expected = {
        datatype: tensor.datatype,
        shape: tensor.shape,
        data: Buffer.from(packElements(tensor.datatype, tensor.elements)).toString("hex"),
      };
      for (const { name, infer } of used) {
        const id = `${name}, ${title}`;
        const { data, ...answer } = await infer(model, tensor, id);
        const received = { ...answer, data: Buffer.from(data).toString("hex") };
        assert.deepEqual(received, { id, ...expected }, name);
      }
    });
  }
});

function scalarIdentity(datatype: Datatype): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", datatype, shape: [] }],
    outputs: [{ name: "y", datatype, shape: [] }],
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
  }).finish();
}
