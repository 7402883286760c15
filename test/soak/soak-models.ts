import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createEngine } from "../../src/engine/create-engine.ts";
import { Random } from "../support/attacks/mutate.ts";
import { failsAtRun, junk, truncated, unknownOp } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import { conv, mlp, writeWeightsModel } from "../support/models/layered-models.ts";
import { addConstant, identity } from "../support/models/simple-models.ts";
import { inspectAt } from "../support/servers/engine-fixture.ts";

const MiB = 1024 * 1024;

/** Inputs of one model with the outputs that a run outside the server gave. */
export interface Reference {
  readonly modelName: string;
  readonly shape: readonly number[];
  readonly cases: readonly { readonly input: Float32Array; readonly output: Float32Array }[];
}

/** Adders "add-1".."add-8" in the library, each telling by its answer which one it is. */
export const adderCount = 8;

/** Datatypes of the models "identity-<datatype>". */
export const identityDatatypes = ["FP32", "INT64", "BYTES", "BOOL", "FP16"] as const;

/** Fills `root`: "served", a repository of models that stay, and "library", files to load from. */
export async function writeSoakModels(root: string): Promise<void> {
  const served: Record<string, Uint8Array> = {
    tiny: addConstant(1),
    mlp: mlp({ inputs: 64, hidden: 256, outputs: 10 }),
    conv: conv(),
    slow: slowLoop(),
    fails: failsAtRun(),
  };
  for (const datatype of identityDatatypes) {
    served[`identity-${datatype.toLowerCase()}`] = identity(datatype);
  }
  for (const [name, bytes] of Object.entries(served)) {
    await mkdir(join(root, "served", name), { recursive: true });
    await writeFile(join(root, "served", name, "model.onnx"), bytes);
  }
  const library = join(root, "library");
  await mkdir(library, { recursive: true });
  for (let amount = 1; amount <= adderCount; amount++) {
    await writeFile(join(library, `add-${amount}.onnx`), addConstant(amount));
  }
  await writeFile(join(library, "junk.onnx"), junk(5000));
  await writeFile(join(library, "half.onnx"), truncated(conv()));
  await writeFile(join(library, "unknown-op.onnx"), unknownOp());
  await writeWeightsModel(join(library, "medium.onnx"), 4 * MiB);
  await writeWeightsModel(join(library, "big.onnx"), 40 * MiB);
}

/** Runs random inputs through an engine of our own, beside the server under test. */
export async function computeReferences(root: string, seed: number): Promise<Reference[]> {
  const engine = createEngine({ hosts: 1 });
  try {
    await engine.ready;
    const random = new Random(seed);
    const references: Reference[] = [];
    for (const [modelName, shape] of [
      ["mlp", [2, 64]],
      ["conv", [1, 3, 32, 32]],
    ] as const) {
      const file = join(root, "served", modelName, "model.onnx");
      const { signal } = new AbortController();
      const model = await engine.load(await inspectAt(engine, file, undefined), {
        signal,
        isolated: false,
      });
      const elements = shape.reduce((product: number, size) => product * size, 1);
      const cases: { input: Float32Array; output: Float32Array }[] = [];
      for (let count = 0; count < 8; count++) {
        const input = Float32Array.from({ length: elements }, () => random.below(2000) / 1000 - 1);
        const data = new Uint8Array(input.buffer.slice(0));
        const inputs = [{ name: "x", datatype: "FP32" as const, shape, data }];
        const [y] = await model.infer({ inputs, outputs: ["y"] }, signal);
        if (y === undefined) throw new Error(`${modelName} gave no y`);
        cases.push({ input, output: new Float32Array(Uint8Array.from(y.data).buffer) });
      }
      references.push({ modelName, shape, cases });
    }
    return references;
  } finally {
    await engine.close();
  }
}
