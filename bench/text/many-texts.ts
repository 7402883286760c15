import { link, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { settledMib } from "../settled-memory.ts";
import { withModelport } from "../with-modelport.ts";
import type { Workbench } from "../workbench.ts";
import { embed } from "./http-embeddings.ts";
import { copyMiniLm, modelport } from "./text-peers.ts";
import { oneText } from "./texts.ts";

const counts = { full: 50, quick: 3 };
const kinds = ["packed", "mapped"] as const;

/** Loads as many models as a pod of tenants has, and asks each once: what every one of them adds to the memory of
 *  the process tree. With mapped weights, what is read of the files is in the page cache as well. */
export async function measureManyTexts(bench: Workbench): Promise<void> {
  const source = await copyMiniLm(bench);
  const count = bench.choose(counts);
  for (const weights of kinds) {
    const ids = Array.from({ length: count + 1 }, (_, number) => `${weights}-${number}`);
    for (const id of ids) await linkFolder(source, join(bench.folder, id), { weights });
    await withModelport(bench, async (program, client) => {
      const server = { port: program.port, path: modelport.path };
      const [first = "", ...others] = ids;
      await client.load(first, first);
      await embed(server, [oneText], { model: first });
      const beforeMib = await settledMib(program.pid);
      bench.log(`loads ${others.length} text models, ${weights}`);
      const startMs = performance.now();
      for (const id of others) await client.load(id, id);
      const perSecond = (others.length / (performance.now() - startMs)) * 1000;
      bench.measurements.add(`text/many, ${weights}/loads`, "/s", perSecond);
      for (const id of others) await embed(server, [oneText], { model: id });
      const eachMib = ((await settledMib(program.pid)) - beforeMib) / others.length;
      bench.measurements.add(`text/many, ${weights}/memory of each`, "MiB", eachMib);
    });
  }
}

/** The same files by other names, with other settings. */
async function linkFolder(source: string, target: string, settings: object): Promise<void> {
  for (const entry of await readdir(source, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const other = join(target, path.slice(source.length + 1));
    await mkdir(join(other, ".."), { recursive: true });
    if (entry.isFile()) await link(path, other);
  }
  await writeFile(join(target, "modelport.json"), JSON.stringify(settings));
}
