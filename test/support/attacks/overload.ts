import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { type Calls, callsOf, codeIn, valuesIn } from "../clients/calls.ts";
import { clientKinds, type Outcome } from "../clients/clients.ts";
import {
  generateLoad,
  type Latencies,
  type LoadOrder,
  type LoadResult,
  latenciesOf,
} from "../clients/load-generator.ts";
import { slowLoop } from "../models/heavy-models.ts";
import { addOne } from "../models/simple-models.ts";
import { cpuMsOf, measureTree } from "../processes/process-tree.ts";
import { startServed } from "../servers/served.ts";

export interface OverloadFigures {
  /** Few callers, who keep the model busy. */
  readonly saturated: PhaseResult;
  /** Many more than may wait. */
  readonly overloaded: PhaseResult;
  /** Calls beside the overload, by name. */
  readonly beside: Readonly<Record<string, Latencies>>;
  /** Calls beside the overload that were not answered OK, or not rightly. */
  readonly wrong: readonly string[];
}

export interface PhaseResult extends LoadResult {
  /** What the server and its hosts used for one right answer: it does not depend on who else uses the
   *  machine, as the rate does. */
  readonly serverCpuMs: number;
  readonly hostCpuMs: number;
}

const saturatingCallers = 16;
const overloadingCallers = 1200;
const backoffMs = 500;

/** Overloads the real program with inferences of some 3 ms, and measures the calls that must not suffer. */
export async function measureOverload(seconds: number): Promise<OverloadFigures> {
  const root = await mkdtemp(join(tmpdir(), "modelport-overload-"));
  await mkdir(join(root, "served/slow"), { recursive: true });
  await writeFile(join(root, "served/slow/model.onnx"), slowLoop());
  await writeFile(join(root, "add1.onnx"), addOne());
  const served = await startServed(
    ["--model-repository", join(root, "served"), "--root-model-dir", root, "--engine-hosts", "2"],
    { nodeFlags: ["--max-semi-space-size=4"] },
  );
  const client = clientKinds.find(({ name }) => name === "grpc-js")?.open({ port: served.port });
  try {
    if (client === undefined) throw new Error("no grpc-js");
    const calls = callsOf(client);
    while (codeIn(await calls.inferSlowly("slow", 1)) !== "OK") await sleep(50);
    // The first calls of a process pay for its compilation.
    const health = () => client.call(Health.method.check, {});
    for (let warmUp = 0; warmUp < 20; warmUp++) await probe(calls, join(root, "add1.onnx"), health);
    const load = { port: served.port, seconds, backoffMs };
    const saturated = await phase(served.pid, { ...load, callers: saturatingCallers });
    const overload = phase(served.pid, { ...load, callers: overloadingCallers });
    let isOver = false;
    const over = () => {
      isOver = true;
    };
    overload.then(over, over);
    // Until the queue is full.
    await sleep(2000);
    const latencies = new Map<string, number[]>();
    const wrong: string[] = [];
    while (!isOver) {
      for (const { name, tookMs, problem } of await probe(calls, join(root, "add1.onnx"), health)) {
        latencies.set(name, [...(latencies.get(name) ?? []), tookMs]);
        if (problem !== undefined) wrong.push(`${name}: ${problem}`);
      }
      await sleep(20);
    }
    const beside = Object.fromEntries(
      [...latencies].map(([name, measured]) => [name, latenciesOf(measured)]),
    );
    return { saturated, overloaded: await overload, beside, wrong };
  } finally {
    client?.close();
    await served.stop("SIGTERM");
    await rm(root, { recursive: true, force: true });
  }
}

async function phase(pid: number, order: LoadOrder): Promise<PhaseResult> {
  const { pids } = await measureTree(pid);
  const hosts = pids.filter((each) => each !== pid);
  const used = async () => ({
    server: await cpuMsOf(pid),
    hosts: (await Promise.all(hosts.map(cpuMsOf))).reduce((sum, ms) => sum + ms, 0),
  });
  const before = await used();
  const result = await generateLoad(order);
  const after = await used();
  return {
    ...result,
    serverCpuMs: (after.server - before.server) / result.rightCount,
    hostCpuMs: (after.hosts - before.hosts) / result.rightCount,
  };
}

interface Probe {
  readonly name: string;
  readonly tookMs: number;
  readonly problem: string | undefined;
}

/** One call of each kind, one after the other. */
async function probe(calls: Calls, path: string, health: () => Promise<Outcome>): Promise<Probe[]> {
  const probes: Probe[] = [];
  const time = async (
    name: string,
    call: () => Promise<Outcome>,
    isRight?: (o: Outcome) => boolean,
  ) => {
    const sentMs = performance.now();
    const outcome = await call();
    const tookMs = performance.now() - sentMs;
    const right = outcome.ok && (isRight === undefined || isRight(outcome));
    probes.push({ name, tookMs, problem: right ? undefined : JSON.stringify(outcome) });
  };
  await time("Health/Check", health);
  await time("runtimeStatus", () => calls.status());
  await time("predictModelSize", () => calls.predict(path));
  await time("loadModel", () => calls.load("beside", path));
  await time("modelSize", () => calls.size("beside"));
  await time(
    "inference of another model",
    () => calls.infer("beside"),
    (outcome) => `${valuesIn(outcome)}` === "2,3,4,5",
  );
  await time("unloadModel", () => calls.unload("beside"));
  return probes;
}
