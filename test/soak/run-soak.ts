import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Random } from "../support/attacks/mutate.ts";
import { clientKinds } from "../support/clients/clients.ts";
import { openInferenceWays } from "../support/clients/inference-ways.ts";
import { capacityFlags } from "../support/servers/capacity-flags.ts";
import { isRunning } from "../support/servers/engine-fixture.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { abuseTraffic } from "./abuse-traffic.ts";
import { compareStatistics, emptyBooks } from "./books.ts";
import { healthTraffic } from "./health-traffic.ts";
import { inferenceTraffic } from "./inference-traffic.ts";
import { Ledger } from "./ledger.ts";
import { lifecycleTraffic, restartModelMesh } from "./lifecycle-traffic.ts";
import { Pace } from "./pace.ts";
import { liveBytes } from "./server-heap.ts";
import { computeReferences, writeSoakModels } from "./soak-models.ts";
import type { SoakOptions } from "./soak-options.ts";
import { judgeSoak, type SoakVerdict } from "./soak-report.ts";
import type { Activity, NamedClient, Soak, SoakUser } from "./soak-user.ts";
import { streamTraffic } from "./stream-traffic.ts";
import { TreeWatch } from "./tree-watch.ts";

const MiB = 1024 * 1024;
const engineHosts = 2;
const capacityBytes = 1024 * MiB;
const maxMessageBytes = 2 * MiB;
const userCount = 24;
/** Of all cores, for server, hosts and users together. */
const cpuPart = 0.6;
const samplePeriodMs = 2000;
/** Between two starts of ModelMesh; not a multiple of the usual time between kills. */
const meshRestartMs = 13_000;

/** Starts the program, mixes traffic for the given time, kills hosts meanwhile, and judges. */
export async function runSoak(
  options: SoakOptions,
  say: (line: string) => void,
): Promise<SoakVerdict> {
  const root = await mkdtemp(join(tmpdir(), "modelport-soak-"));
  try {
    await writeSoakModels(root);
    const references = await computeReferences(root, options.seed);
    return await soakAt(root, { options, references, say });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

interface SoakParts {
  readonly options: SoakOptions;
  readonly references: Soak["references"];
  say(line: string): void;
}

async function soakAt(root: string, { options, references, say }: SoakParts): Promise<SoakVerdict> {
  const serverErrors: string[] = [];
  const served = await startServed(
    [
      ...["--model-repository", join(root, "served"), "--root-model-dir", join(root, "library")],
      ...["--engine-hosts", String(engineHosts), "--max-message-size", String(maxMessageBytes)],
      ...capacityFlags(capacityBytes),
      ...["--log-level", "info"],
    ],
    {
      nodeFlags: ["--max-semi-space-size=4", "--inspect=127.0.0.1:0"],
      logged: (line) => {
        if (isUnforeseen(line)) serverErrors.push(JSON.stringify(line));
      },
    },
  );
  const clients: NamedClient[] = clientKinds
    .filter(({ skip }) => skip === undefined)
    .map(({ name, open }) => ({ name, client: open({ port: served.port }) }));
  const mesh = clients.find(({ name }) => name === "grpc-js");
  if (mesh === undefined) throw new Error("grpc-js is missing");
  const { ways, close: closeWays } = openInferenceWays(served.port);
  const baseUrl = `http://127.0.0.1:${served.port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const closeClients = () => {
    for (const { client } of clients) client.close();
    closeWays();
    sessionManager.abort();
  };
  try {
    const ledger = new Ledger();
    const soak: Soak = {
      port: served.port,
      root,
      maxMessageBytes,
      ledger,
      references,
      mesh,
      clients: clients as [NamedClient, ...NamedClient[]],
      ways: ways as [(typeof ways)[0], ...(typeof ways)[0][]],
      purges: 0,
      successes: new Map(),
    };
    const activities = [
      ...inferenceTraffic,
      ...lifecycleTraffic,
      ...streamTraffic(createGrpcTransport({ baseUrl, sessionManager })),
      ...abuseTraffic,
      ...healthTraffic,
    ];
    const watch = new TreeWatch(served.pid);
    await waitUntilServing(soak);
    const before = await sampleAtRest(watch);
    const traffic = await mixTraffic(soak, { activities, watch, served, options, say });
    const contradictions = await compareStatistics(soak);
    const leftovers = [...contradictions, ...(await emptyBooks(soak, capacityBytes))];
    closeClients();
    const after = await sampleAtRest(watch);
    const hostPids = await watch.hostPids();
    const exit = await served.stop("SIGTERM");
    return judgeSoak({
      ...traffic,
      minutes: options.minutes,
      seed: options.seed,
      ledger,
      atRest: { before, after },
      leftovers,
      serverErrors,
      exit,
      orphans: hostPids.filter(isRunning),
    });
  } finally {
    closeClients();
    await served.stop("SIGKILL");
  }
}

/** Failures that callers provoke on purpose: an operator that is none, an index that is out of bounds. */
const provoked = /NoSuchOperator|out of data bounds/;

function isUnforeseen(line: Record<string, unknown>): boolean {
  return Number(line["level"]) >= 50 && !provoked.test(String(line["reason"]));
}

async function waitUntilServing({ port }: Soak): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 100) {
    const names = ["tiny", "mlp", "conv", "slow", "fails", "identity-fp16"];
    const answers = await Promise.all(
      names.map((name) => fetch(`http://127.0.0.1:${port}/v2/models/${name}/ready`)),
    );
    await Promise.all(answers.map((answer) => answer.arrayBuffer()));
    if (answers.every(({ status }) => status === 200)) return;
    await sleep(100);
  }
  throw new Error("the models of the repository are not ready");
}

/** When shared hosts and the spare are up, nothing else is, and sockets have closed: fetch keeps its own
 *  for some seconds. */
async function sampleAtRest(watch: TreeWatch) {
  await sleep(6000);
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 250) {
    if ((await watch.hostPids()).length === engineHosts + 1) break;
    await sleep(250);
  }
  await sleep(1000);
  return await watch.sample();
}

interface Mix {
  readonly activities: readonly Activity[];
  readonly watch: TreeWatch;
  readonly served: Served;
  readonly options: SoakOptions;
  say(line: string): void;
}

async function mixTraffic(soak: Soak, { activities, watch, served, options, say }: Mix) {
  const pace = new Pace(cpuPart * availableParallelism());
  const stop = new AbortController();
  const durationMs = options.minutes * 60_000;
  const firstSample = watch.samples.length;
  const loopDelay = monitorEventLoopDelay({ resolution: 2 });
  loopDelay.enable();
  const users = Array.from({ length: userCount }, (_, at): SoakUser => {
    return { soak, name: `user${at}`, random: new Random(options.seed * 1000 + at) };
  });
  const startedMs = performance.now();
  let ownCpu = process.cpuUsage();
  let busyCoreMs = 0;
  let kills = 0;
  await watch.sample();
  const running = [
    ...users.map(async (user) => {
      while (!stop.signal.aborted) {
        await pickActivity(activities, user.random).run(user);
        await pace.pause(user.random);
      }
    }),
    every(samplePeriodMs, stop.signal, async () => {
      const last = watch.samples.at(-1)?.atMs ?? 0;
      const sample = await watch.sample();
      const { user, system } = process.cpuUsage(ownCpu);
      ownCpu = process.cpuUsage();
      const usedMs = sample.cpuMs + (user + system) / 1000;
      busyCoreMs += usedMs;
      pace.adapt(usedMs / (sample.atMs - last));
    }),
    every(meshRestartMs, stop.signal, () => restartModelMesh(soak)),
    every(30_000, stop.signal, async () => {
      const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
      const { answered, unexpected, lost } = soak.ledger;
      const pauseMs = pace.meanMs.toFixed(0);
      say(
        `${minutes} min: ${answered} answered, ${unexpected} unexpected, ${lost} lost; users pause ${pauseMs} ms`,
      );
    }),
  ];
  if (options.killHostEverySeconds > 0) {
    const random = new Random(options.seed);
    running.push(
      every(options.killHostEverySeconds * 1000, stop.signal, async () => {
        const pids = await watch.hostPids();
        const victim = pids[random.below(pids.length)];
        if (victim === undefined) return;
        try {
          process.kill(victim, "SIGKILL");
          kills++;
        } catch {
          // It ended by itself meanwhile: a dedicated host whose model was unloaded.
        }
      }),
    );
  }
  await sleep(durationMs / 3);
  const warmBytes = await liveBytes(served);
  await sleep((durationMs * 2) / 3);
  const lastBytes = await liveBytes(served);
  stop.abort();
  await Promise.all(running);
  loopDelay.disable();
  const samples = watch.samples.slice(firstSample);
  return {
    kills,
    live: { warmBytes, lastBytes },
    samples: samples.slice(Math.floor(samples.length / 3)),
    loopDelayMs: { p99: loopDelay.percentile(99) / 1e6, max: loopDelay.max / 1e6 },
    usedCores: busyCoreMs / (performance.now() - startedMs),
  };
}

async function every(periodMs: number, stop: AbortSignal, act: () => Promise<void>): Promise<void> {
  for (;;) {
    await sleep(periodMs, undefined, { signal: stop }).catch(() => {});
    if (stop.aborted) return;
    await act();
  }
}

function pickActivity(activities: readonly Activity[], random: Random): Activity {
  const total = activities.reduce((sum, { weight }) => sum + weight, 0);
  let at = random.below(total);
  for (const activity of activities) {
    at -= activity.weight;
    if (at < 0) return activity;
  }
  throw new Error("no activities");
}
