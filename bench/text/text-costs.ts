import type { Program } from "../program.ts";
import { requireSame } from "../require-same.ts";
import { settledMib } from "../settled-memory.ts";
import type { Workbench } from "../workbench.ts";
import { type EmbeddingServer, embed, loadEmbeddings } from "./http-embeddings.ts";
import {
  copyMiniLm,
  infinity,
  missingFastembed,
  modelport,
  runFastembed,
  type TextPeer,
} from "./text-peers.ts";
import { mixedTexts, oneText, shortTexts } from "./texts.ts";
import { treeCpuMs } from "./tree-cpu.ts";

const rounds = { full: 3, quick: 1 };
const callerCounts = [1, 4, 16];

interface Server extends EmbeddingServer {
  readonly peer: TextPeer;
  readonly program: Program;
}

/** What embeddings cost in Modelport, infinity and fastembed, each on one core with one thread: CPU time, requests
 *  per second, memory, and the time from the load of the model to its first embedding. */
export async function measureTextCosts(bench: Workbench): Promise<void> {
  await copyMiniLm(bench);
  const peers = [modelport, infinity].filter(({ name, missing }) => {
    if (missing !== undefined) bench.measurements.skip(`texts in ${name}`, missing);
    return missing === undefined;
  });
  for (let round = 0; round < bench.choose(rounds); round++) {
    const expected = await measureLibrary(bench);
    for (const peer of peers) {
      bench.log(`starts ${peer.name}`);
      await measurePeer(bench, peer, expected);
    }
  }
}

/** fastembed, whose vectors it resolves with; undefined if it is not there. */
async function measureLibrary(
  bench: Workbench,
): Promise<readonly (readonly number[])[] | undefined> {
  const { measurements } = bench;
  if (missingFastembed !== undefined) {
    measurements.skip("texts in fastembed", missingFastembed);
    return undefined;
  }
  bench.log("fastembed");
  const { vectors, coldMs, cpuMs, privateMib } = await runFastembed(bench, mixedTexts);
  measurements.add("text/64 mixed texts, CPU/fastembed", "ms", cpuMs);
  measurements.add("text/cold load/fastembed", "ms", coldMs);
  measurements.add("text/memory/fastembed", "MiB", privateMib);
  return vectors;
}

async function measurePeer(
  bench: Workbench,
  peer: TextPeer,
  expected: readonly (readonly number[])[] | undefined,
): Promise<void> {
  let server: Server;
  try {
    server = await startCold(bench, peer);
  } catch (error) {
    // What is measured of the others holds all the same.
    bench.measurements.skip(`texts in ${peer.name}`, (error as Error).message);
    return;
  }
  try {
    await measureServer(bench, server, expected);
  } finally {
    await server.program.stop();
  }
}

async function startCold(bench: Workbench, peer: TextPeer): Promise<Server> {
  const { program, loadedFromMs } = await peer.start(bench);
  const server = { peer, program, port: program.port, path: peer.path };
  await embed(server, [oneText]);
  bench.measurements.add(`text/cold load/${peer.name}`, "ms", performance.now() - loadedFromMs);
  return server;
}

async function measureServer(
  bench: Workbench,
  server: Server,
  expected: readonly (readonly number[])[] | undefined,
): Promise<void> {
  const { name } = server.peer;
  const { measurements } = bench;
  // Otherwise they did not do the same work.
  const vectors = await embed(server, mixedTexts);
  for (const [row, vector] of vectors.entries())
    requireSame(expected?.[row] ?? vector, vector, 1e-5);
  const runs = bench.choose({ full: 5, quick: 1 });
  bench.log(`64 mixed texts, ${name}`);
  const beforeMs = await treeCpuMs(server.program.pid);
  for (let run = 0; run < runs; run++) await embed(server, mixedTexts);
  const cpuMs = ((await treeCpuMs(server.program.pid)) - beforeMs) / runs;
  measurements.add(`text/64 mixed texts, CPU/${name}`, "ms", cpuMs);
  const seconds = bench.choose({ full: 4, quick: 0.5 });
  for (const callers of callerCounts) {
    bench.log(`short texts, ${callers} callers, ${name}`);
    const load = { callers, texts: shortTexts, seconds };
    const { perSecond, p50Us } = await loadEmbeddings(server, load);
    measurements.add(`text/short texts, ${callers} callers/${name}`, "/s", perSecond);
    measurements.add(`text/short texts, ${callers} callers/${name} p50`, "µs", p50Us);
  }
  measurements.add(`text/memory/${name}`, "MiB", await settledMib(server.program.pid));
}
