import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { setPriority, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelInferRequestSchema } from "../../gen/inference/inference_pb.ts";
import { liveBytes } from "../soak/server-heap.ts";
import { TreeWatch } from "../soak/tree-watch.ts";
import { fuzzModels } from "../support/attacks/fuzz-requests.ts";
import { Random } from "../support/attacks/mutate.ts";
import type { SteadyOrder, SteadyResult } from "../support/clients/steady-client.ts";
import { addOne } from "../support/models/simple-models.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import type { AttackKind, Fates } from "./attacker.ts";
import type { HostileOptions } from "./hostile-options.ts";
import { type HostileVerdict, judgeHostile } from "./hostile-report.ts";
import { oddPaths } from "./hostile-request.ts";
import { badConnections, gzipBombs, http1Requests, http1Swollen } from "./http1-attacks.ts";
import { http2Floods, http2Frames, http2Requests, http2Swollen } from "./http2-attacks.ts";
import { LoopDelays } from "./loop-delays.ts";

const kinds: readonly AttackKind[] = [
  http2Requests,
  http2Swollen,
  http2Frames,
  ...http2Floods,
  http1Requests,
  http1Swollen,
  badConnections,
  gzipBombs,
];
const sampleMs = 500;
const attackerPriority = 10;
/** So much of the attack warms the server up: caches fill, code is compiled. */
const warmUpPart = 0.3;

/** Starts the program, attacks it beside a well-behaved client, and judges. */
export async function runHostile(
  options: HostileOptions,
  say: (line: string) => void,
): Promise<HostileVerdict> {
  const root = await mkdtemp(join(tmpdir(), "modelport-hostile-"));
  try {
    for (const [id, bytes] of Object.entries({ ...fuzzModels, steady: addOne() })) {
      await mkdir(join(root, "models", id), { recursive: true });
      await writeFile(join(root, "models", id, "model.onnx"), bytes);
    }
    await writeOddFiles(join(root, "files"));
    return await attackServer(root, options, say);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** FIFOs, which block whoever opens them as if they were files. */
async function writeOddFiles(root: string): Promise<void> {
  for (const [folder, name] of [
    [oddPaths.fifo, "model.onnx"],
    [oddPaths.settings, "modelport.json"],
  ] as const) {
    await mkdir(join(root, folder), { recursive: true });
    execFileSync("mkfifo", [join(root, folder, name)]);
  }
  await writeFile(join(root, oddPaths.settings, "model.onnx"), addOne());
}

async function attackServer(
  root: string,
  options: HostileOptions,
  say: (line: string) => void,
): Promise<HostileVerdict> {
  const serverErrors: string[] = [];
  const folders = [
    "--model-repository",
    join(root, "models"),
    "--root-model-dir",
    join(root, "files"),
  ];
  const served = await startServed([...folders, "--engine-hosts", "2"], {
    // A line for each refusal.
    keepsLog: false,
    nodeFlags: ["--max-semi-space-size=4", "--inspect=127.0.0.1:0"],
    logged: (line) => {
      if (Number(line["level"]) >= 50) serverErrors.push(JSON.stringify(line));
    },
  });
  try {
    await untilServing(served.port);
    const watch = new TreeWatch(served.pid);
    const before = await watch.hostPids();
    const steady = await startSteadyClient(served.port);
    const delays = await LoopDelays.open(served);
    yieldProcessors();
    const startedMs = performance.now();
    const attack = await attackWith(served, { options, watch, delays, say });
    const seconds = (performance.now() - startedMs) / 1000;
    const steadyResult = await steady.stop();
    const isServing = await untilServing(served.port).then(
      () => true,
      () => false,
    );
    const after = await watch.hostPids();
    const exit = await served.stop("SIGTERM");
    return judgeHostile({
      ...attack,
      wanted: options.requests,
      warmUp: options.requests * warmUpPart,
      seed: options.seed,
      seconds,
      steady: steadyResult,
      pids: { before: served.pid, after: isServing ? served.pid : undefined },
      hostPids: { before, after },
      serverErrors,
      // What is no line of the log is the last word of a process that crashed.
      lastWords: served.complaints().split("\n").slice(-30),
      exit,
    });
  } finally {
    await served.stop("SIGKILL");
  }
}

/** Of this thread alone: what is measured is the server, not who gets the processors. Threads that are started later
 *  inherit it. */
function yieldProcessors(): void {
  setPriority(attackerPriority);
  spawnSync("chrt", ["--idle", "--pid", "0", String(process.pid)]);
}

interface AttackParts {
  readonly options: HostileOptions;
  readonly watch: TreeWatch;
  readonly delays: LoopDelays;
  say(line: string): void;
}

async function attackWith(served: Served, { options, watch, delays, say }: AttackParts) {
  const fates = new Map(kinds.map(({ name }) => [name, { ended: 0, cut: 0, hanging: 0 }]));
  const sentOf = ({ name }: AttackKind) => {
    const { ended = 0, cut = 0, hanging = 0 } = fates.get(name) ?? {};
    return ended + cut + hanging;
  };
  const sent = () => kinds.reduce((all, kind) => all + sentOf(kind), 0);
  let isServerUp = true;
  void served.exited.then((how) => {
    isServerUp = false;
    say(`the server ended with ${how}: ${served.complaints().slice(-2_000)}`);
  });
  /** Whichever is behind its share the most. */
  const next = (busy: ReadonlySet<AttackKind>) => {
    const lag = (kind: AttackKind) => sentOf(kind) / kind.share;
    return kinds.filter((kind) => !busy.has(kind)).sort((a, b) => lag(a) - lag(b))[0];
  };
  const attackUntil = async (goal: number) => {
    // One bomb at a time: each holds a core for a while.
    const busy = new Set<AttackKind>();
    const work = async (seed: number) => {
      const random = new Random(seed);
      const attackers = new Map(kinds.map((kind) => [kind, kind.open(served.port)]));
      while (isServerUp && sent() < goal) {
        const kind = next(busy);
        if (kind === undefined) break;
        if (kind === gzipBombs) busy.add(kind);
        // A connection that cannot be had ends the attack only if the server is gone.
        const outcome = await attackers
          .get(kind)
          ?.attack(random)
          .catch(() => undefined);
        busy.delete(kind);
        if (outcome !== undefined) add(fates.get(kind.name), outcome);
      }
      for (const attacker of attackers.values()) attacker.close();
    };
    const seeds = Array.from({ length: options.attackers }, (_, at) => at);
    await Promise.all(seeds.map((at) => work(options.seed + goal + at * 7919)));
  };
  const stop = new AbortController();
  const sampling = sample(watch, stop.signal, () => say(`${sent()} requests`));
  await attackUntil(options.requests * warmUpPart);
  const warmBytes = await restAndCount(served);
  const firstSample = watch.samples.length;
  await delays.begin();
  await attackUntil(options.requests);
  // Ahead of the count of live objects, which stops the server.
  const loopDelay = await delays.stop();
  const lastBytes = await restAndCount(served);
  stop.abort();
  await sampling;
  const samples = watch.samples.slice(firstSample);
  return { fates, live: { warmBytes, lastBytes }, loopDelay, samples };
}

function add(total: Fates | undefined, { ended, cut, hanging }: Fates): void {
  if (total === undefined) return;
  total.ended += ended;
  total.cut += cut;
  total.hanging += hanging;
}

/** Live objects once the connections of the attack are gone. */
async function restAndCount(served: Served): Promise<number> {
  await sleep(1_000);
  // A server that is gone is told otherwise.
  return await liveBytes(served).catch(() => Number.NaN);
}

async function sample(watch: TreeWatch, stop: AbortSignal, say: () => void): Promise<void> {
  for (let count = 1; !stop.aborted; count++) {
    await watch.sample().catch(() => {});
    if (count % 20 === 0) say();
    await sleep(sampleMs, undefined, { signal: stop }).catch(() => {});
  }
}

async function untilServing(port: number): Promise<void> {
  for (let waitedMs = 0; waitedMs < 30_000; waitedMs += 100) {
    const url = `http://127.0.0.1:${port}/v2/models/steady/ready`;
    const status = await fetch(url).then(
      (answer) => answer.status,
      () => 0,
    );
    if (status === 200) return;
    await sleep(100);
  }
  throw new Error("the model of the well-behaved client is not ready");
}

async function startSteadyClient(port: number): Promise<{ stop(): Promise<SteadyResult> }> {
  const order: SteadyOrder = {
    port,
    path: "/inference.GRPCInferenceService/ModelInfer",
    message: toBinary(
      ModelInferRequestSchema,
      create(ModelInferRequestSchema, {
        modelName: "steady",
        inputs: [
          {
            name: "x",
            datatype: "FP32",
            shape: [1n, 4n],
            contents: { fp32Contents: [1, 2, 3, 4] },
          },
        ],
      }),
    ),
  };
  const worker = new Worker(new URL("../support/clients/steady-client.ts", import.meta.url), {
    workerData: order,
    execArgv: [],
  });
  await once(worker, "message");
  return {
    async stop() {
      const ended = once(worker, "message");
      worker.postMessage("stop");
      const [result] = (await ended) as [SteadyResult];
      return result;
    },
  };
}
