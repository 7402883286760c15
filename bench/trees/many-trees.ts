import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { canMeasureTrees } from "../../test/support/processes/process-tree.ts";
import { settledMib } from "../settled-memory.ts";
import { withModelport } from "../with-modelport.ts";
import type { Workbench } from "../workbench.ts";
import { lightgbmFile } from "./tree-models.ts";
import { type TreeModel, treeMlServer } from "./tree-peers.ts";

const counts = { full: 1000, quick: 40 };
/** MLServer takes too much memory for all of them. */
const peerCounts = { full: 50, quick: 10 };
const inFlight = 16;
/** What ONNX Runtime holds of a split whose numbers are doubles, as measured for models of many. */
const splitBytes = 275;
const cacheBytes = 4 * 1024 ** 3;

/** Loads models of 100 trees, all of them different, as people pack them into one pod: translated, and again from the
 *  cache; and what each holds. */
export async function measureManyTrees(bench: Workbench): Promise<void> {
  const ids = Array.from({ length: bench.choose(counts) }, (_, seed) => `trees-${seed}`);
  bench.log(`writes ${ids.length} models of LightGBM`);
  const folder = join(bench.folder, "many-trees");
  await mkdir(folder, { recursive: true });
  let splits = 0;
  for (const [seed, id] of ids.entries()) {
    const file = lightgbmFile({ trees: 100, columns: 20, seed, leaves: 31 });
    splits = file.splits;
    await writeFile(join(folder, `${id}.txt`), file.bytes);
  }
  await measureModelport(bench, { ids, splits });
  await measureMlServer(bench, { ids, folder });
}

async function measureModelport(
  bench: Workbench,
  { ids, splits }: { readonly ids: readonly string[]; readonly splits: number },
): Promise<void> {
  const { measurements } = bench;
  const flags = ["--translation-cache-size", String(cacheBytes)];
  const path = (id: string) => `many-trees/${id}.txt`;
  await withModelport(
    bench,
    async (program, client) => {
      bench.log(`loads ${ids.length} models, each translated`);
      const translated = await client.loadMany({ ids, path, inFlight });
      measurements.add("trees/many/loads with translation", "/s", translated);
      await client.unloadMany({ ids, inFlight });
      const baseMib = canMeasureTrees ? await settledMib(program.pid) : 0;
      bench.log(`loads ${ids.length} models from the cache`);
      const cached = await client.loadMany({ ids, path, inFlight });
      measurements.add("trees/many/loads from the cache", "/s", cached);
      if (!canMeasureTrees) {
        measurements.skip("memory of tree models", `${process.platform} has no /proc`);
        return;
      }
      const kibEach = (((await settledMib(program.pid)) - baseMib) * 1024) / ids.length;
      measurements.add("trees/many/memory of each", "KiB", kibEach);
      measurements.add(
        "trees/many/memory by splits",
        "x",
        (kibEach * 1024) / (splits * splitBytes),
      );
    },
    flags,
  );
}

async function measureMlServer(
  bench: Workbench,
  { ids, folder }: { readonly ids: readonly string[]; readonly folder: string },
): Promise<void> {
  const { missing, name } = treeMlServer;
  if (!canMeasureTrees) return;
  if (missing !== undefined) {
    bench.measurements.skip(`memory of models in ${name}`, missing);
    return;
  }
  const models = ids
    .slice(0, bench.choose(peerCounts))
    .map((id): TreeModel => ({ id, library: "lightgbm", file: join(folder, `${id}.txt`) }));
  bench.log(`loads one model and ${models.length} models in ${name}`);
  const oneMib = await memoryWith(bench, models.slice(0, 1));
  const allMib = await memoryWith(bench, models);
  const kibEach = ((allMib - oneMib) * 1024) / (models.length - 1);
  bench.measurements.add(`trees/many/memory of each in ${name}`, "KiB", kibEach);
}

async function memoryWith(bench: Workbench, models: readonly TreeModel[]): Promise<number> {
  const program = await treeMlServer.start(bench, models);
  try {
    return await settledMib(program.pid);
  } finally {
    await program.stop();
  }
}
