import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { elementBytes, isDatatype } from "../../src/base/tensor.ts";
import { failsAtRun } from "../support/models/failing-models.ts";
import { slowLoop } from "../support/models/heavy-models.ts";
import {
  addConstant,
  addOne,
  identity,
  twoInputsTwoOutputs,
  withoutInputs,
} from "../support/models/simple-models.ts";
import { projectRoot } from "../support/servers/served.ts";

/** Text models, one for each task that a wire has. */
const textModels = ["bert-embedding", "xlm-roberta-rerank", "bert-classifier", "bert-entities"];

/** Fills `root`, a model repository, with the models that the client scripts ask for: the examples, text models, and
 *  "identity-<datatype>", "arithmetic", "words", "constant", "slow", "spare" (which scripts unload and load again),
 *  and "add" in version 1 (adds 1) and 2 (adds 2). */
export async function writeClientModels(root: string): Promise<void> {
  await cp(join(projectRoot, "examples/models"), root, { recursive: true });
  for (const name of textModels) {
    const folder = join(projectRoot, "test/fixtures/text", name);
    await cp(folder, join(root, name), { recursive: true });
  }
  const models: Record<string, Uint8Array> = {
    arithmetic: twoInputsTwoOutputs(),
    words: failsAtRun(),
    constant: withoutInputs(),
    slow: slowLoop(),
    spare: addOne(),
    "add/1": addConstant(1),
    "add/2": addConstant(2),
  };
  for (const datatype of Object.keys(elementBytes)) {
    // The engine cannot carry BF16.
    if (!isDatatype(datatype) || datatype === "BF16") continue;
    models[`identity-${datatype.toLowerCase()}`] = identity(datatype);
  }
  for (const [path, bytes] of Object.entries(models)) {
    await mkdir(join(root, path), { recursive: true });
    await writeFile(join(root, path, "model.onnx"), bytes);
  }
}
