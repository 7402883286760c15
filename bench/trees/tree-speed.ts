import { callOnce } from "../load/grpc-connection.ts";
import type { Program } from "../program.ts";
import { requireSame } from "../require-same.ts";
import type { Workbench } from "../workbench.ts";
import { answersIn, treeCall } from "./tree-calls.ts";
import { lightgbmFile, xgboostFile } from "./tree-models.ts";
import { type TreeModel, type TreePeer, treePeers } from "./tree-peers.ts";

const columns = 50;
const rounds = { full: 3, quick: 1 };

/** What callers do: many with a row each, one with a row, one with a large batch. */
const loads = [
  { name: "single rows, 64 in flight", rows: 1, streams: 64 },
  { name: "single rows, 1 in flight", rows: 1, streams: 1 },
  { name: "4,096 rows, 1 in flight", rows: 4096, streams: 1 },
] as const;

interface Server {
  readonly peer: TreePeer;
  readonly program: Program;
}

/** 100 trees each, as they come out of the libraries' defaults. */
export async function measureTreeSpeed(bench: Workbench): Promise<void> {
  const shape = { trees: 100, columns, seed: 1 };
  const models: (TreeModel & { readonly title: string })[] = [
    {
      title: "XGBoost",
      id: "xgb",
      library: "xgboost",
      file: await bench.put("xgb.json", xgboostFile({ ...shape, depth: 6 }).bytes),
    },
    {
      title: "LightGBM",
      id: "lgb",
      library: "lightgbm",
      file: await bench.put("lgb.txt", lightgbmFile({ ...shape, leaves: 31 }).bytes),
    },
  ];
  const servers = await startAll(bench, models);
  for (let round = 0; round < bench.choose(rounds); round++) {
    for (const { id, title } of models) {
      for (const load of loads) await measureLoad(bench, servers, { id, title, load });
    }
  }
  await Promise.all(servers.map(({ program }) => program.stop()));
}

async function startAll(bench: Workbench, models: readonly TreeModel[]): Promise<Server[]> {
  const servers: Server[] = [];
  for (const peer of treePeers) {
    if (peer.missing !== undefined) {
      bench.measurements.skip(`trees in ${peer.name}`, peer.missing);
      continue;
    }
    bench.log(`starts ${peer.name}`);
    try {
      servers.push({ peer, program: await peer.start(bench, models) });
    } catch (error) {
      // The ratios to the others hold all the same.
      bench.measurements.skip(`trees in ${peer.name}`, (error as Error).message);
    }
  }
  return servers;
}

async function measureLoad(
  bench: Workbench,
  servers: readonly Server[],
  {
    id,
    title,
    load,
  }: { readonly id: string; readonly title: string; readonly load: (typeof loads)[number] },
): Promise<void> {
  const call = treeCall(id, { rows: load.rows, columns });
  const bodyFiles = [await bench.put("request", call.frame)] as const;
  let expected: readonly number[] | undefined;
  for (const { peer, program } of servers) {
    const answer = await callOnce(program.port, call);
    expected = requireEqual(expected, answersIn(answer), load.rows);
    await bench.measure(`trees/${title}, ${load.name}/${peer.name}`, {
      port: program.port,
      path: call.path,
      bodyFiles,
      streams: load.streams,
      answerBytes: answer.byteLength,
    });
  }
}

/** Throws unless all servers return the same probabilities: otherwise they did not do the same work. */
function requireEqual(
  expected: readonly number[] | undefined,
  values: readonly number[],
  rows: number,
): readonly number[] {
  if (values.length !== rows) throw new Error(`${values.length} values for ${rows} rows`);
  requireSame(expected ?? values, values, 1e-6);
  return values;
}
