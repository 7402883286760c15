import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { decodeSample, type SampleCase, samplePath } from "../zoo/sample/sample-file.ts";
import { type ServedZoo, serveZoo } from "../zoo/served-zoo.ts";
import { tryCase } from "../zoo/try-case.ts";

// What ONNX Runtime's own binding for Python answered, on the machine where `npm run zoo` wrote the sample.
const sample = decodeSample(await readFile(samplePath));
const inFlight = 4;

describe("a sample of the zoo", () => {
  let root: string;
  let served: ServedZoo;

  before(async () => {
    root = await mkdtemp(join(tmpdir(), "modelport-zoo-"));
    served = await serveZoo(root);
  });

  after(async () => {
    await served?.close();
    await rm(root, { recursive: true, force: true });
  });

  it("has 150 models, of every kind that the zoo can make anew", () => {
    assert.equal(sample.length, 150);
    assert.equal(new Set(sample.map(({ kind }) => kind)).size, 7);
  });

  it("is answered by gRPC, by JSON and by bytes as the runtime itself answers", async () => {
    const faults: string[] = [];
    const cases = sample.values();
    const worker = async () => {
      for (const each of cases) {
        const outcome = await trySample(each);
        // Other processors sum in another order: within the tolerance is right, too.
        if (outcome.kind === "equal" || outcome.kind === "close") continue;
        faults.push(`${each.kind}/${each.name}: ${outcome.kind}, ${outcome.detail}`);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    assert.deepEqual(faults, []);
  });

  async function trySample({ kind, name, model, runs }: SampleCase) {
    const path = `${kind}/${name}/model.onnx`;
    await mkdir(join(root, kind, name), { recursive: true });
    await writeFile(join(root, path), model);
    return await tryCase({ kind, name, group: "", model: path, runs }, served);
  }
});
