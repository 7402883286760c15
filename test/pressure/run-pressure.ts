import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Random } from "../support/attacks/mutate.ts";
import { type Served, startServed } from "../support/servers/served.ts";
import { Control } from "./control.ts";
import { MemoryWatch } from "./memory-watch.ts";
import { loadCall } from "./messages.ts";
import { writePressureModels } from "./pressure-models.ts";
import type { PressureOptions } from "./pressure-options.ts";
import { judgePressure, type PressureVerdict, rowOf, type WayFacts } from "./pressure-report.ts";
import { Tally } from "./tally.ts";
import type { Way } from "./way.ts";
import { allWays } from "./ways/all-ways.ts";
import { callGrpc, openSession } from "./wire-calls.ts";
import { withModels } from "./with-models.ts";

const MiB = 1024 * 1024;
const fullContainerBytes = 1024 * MiB;
/** Models that are there all the time: those of the control calls and of ways that are about payloads. */
const residents = ["add", "echo", "words"];
/** How much longer than its time a way may wait for its first answer. */
const firstAnswerMs = 60_000;
/** What a way may leave: heaps and allocators keep some of what was busy at some time. */
const keptBytes = 48 * MiB;
/** The same of all of them, and of a server that has just started: code that is compiled, above all. The division has
 *  room for it in the parts of the server and its hosts. */
const keptInAllBytes = 96 * MiB;

/** Starts the program in a container of some size, drives it with one way to use memory after the other, and judges. */
export async function runPressure(
  options: PressureOptions,
  say: (line: string) => void,
): Promise<PressureVerdict> {
  const ways = waysFor(options.only);
  const root = await mkdtemp(join(tmpdir(), "modelport-pressure-"));
  try {
    const scale = Math.min(1, options.containerBytes / fullContainerBytes);
    await writePressureModels(root, 200 * MiB * scale);
    return await pressServer(root, { options, ways, scale, say });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

/** Those of just these names, and where there is none, those that have it in theirs. */
function waysFor(only: readonly string[]): readonly Way[] {
  if (only.length === 0) return allWays;
  const wanted = new Set<Way>();
  for (const part of only) {
    const exact = allWays.filter(({ name }) => name === part);
    const found = exact.length > 0 ? exact : allWays.filter(({ name }) => name.includes(part));
    if (found.length === 0) throw new Error(`no way's name has "${part}" in it`);
    for (const way of found) wanted.add(way);
  }
  return [...wanted];
}

interface PressParts {
  readonly options: PressureOptions;
  readonly ways: readonly Way[];
  readonly scale: number;
  say(line: string): void;
}

async function pressServer(root: string, parts: PressParts): Promise<PressureVerdict> {
  const { options, ways, say } = parts;
  const serverErrors: string[] = [];
  const served = await startServed(
    ["--root-model-dir", root, "--container-memory", String(options.containerBytes)],
    {
      keepsLog: false,
      nodeFlags: ["--max-semi-space-size=4"],
      logged(line) {
        if (Number(line["level"]) >= 50) serverErrors.push(JSON.stringify(line));
      },
    },
  );
  const watch = new MemoryWatch(served.pid);
  let control: Control | undefined;
  let isUp = true;
  void served.exited.then(() => {
    isUp = false;
  });
  try {
    await loadResidents(served.port);
    control = new Control(served.port);
    // Code that is compiled and caches that fill are no one's fault.
    await sleep(3_000);
    await control.report();
    const startBytes = (await watch.next()).privateBytes;
    const startedMs = Date.now();
    say(`at rest ${mib(startBytes)}`);
    const facts: WayFacts[] = [];
    for (const [at, way] of ways.entries()) {
      const pressMs = (options.minutes * 60_000) / ways.length;
      const random = new Random(options.seed + at);
      const found = await drive({ way, pressMs, random, served, watch, control, root, parts });
      facts.push(found);
      say(rowOf(found));
      if (!isUp) break;
    }
    const end = isUp
      ? await untilGivenBack(watch, startBytes + keptInAllBytes, options)
      : undefined;
    const isAlive = isUp;
    if (isUp) await control.stop();
    const exit = await served.stop("SIGTERM");
    return judgePressure({
      containerBytes: options.containerBytes,
      seed: options.seed,
      seconds: (Date.now() - startedMs) / 1000,
      startBytes,
      endBytes: end?.bytes ?? Number.NaN,
      keptBytes: keptInAllBytes,
      peak: watch.peakSince(0),
      ways: facts,
      isAlive,
      serverErrors,
      lastWords: served.complaints().split("\n").slice(-20),
      exit,
    });
  } finally {
    await served.stop("SIGKILL");
    await watch.close().catch(() => {});
  }
}

async function loadResidents(port: number): Promise<void> {
  const session = openSession(port);
  for (const name of residents) {
    const { code, text } = await callGrpc(session, loadCall(name, name));
    if (code !== "answered") throw new Error(`${name} cannot be loaded: ${code} ${text}`);
  }
  session.destroy();
}

async function drive({
  way,
  pressMs,
  random,
  served,
  watch,
  control,
  root,
  parts,
}: {
  readonly way: Way;
  readonly pressMs: number;
  readonly random: Random;
  readonly served: Served;
  readonly watch: MemoryWatch;
  readonly control: Control;
  readonly root: string;
  readonly parts: PressParts;
}): Promise<WayFacts> {
  const beforeBytes = watch.last.privateBytes;
  const tally = new Tally(way.refusals);
  const stop = new AbortController();
  // Where the server is gone, whoever waits for it gives up.
  void served.exited.then(() => stop.abort());
  const { port, pid } = served;
  const sinceMs = Date.now();
  const pressed = { port, pid, root, random, scale: parts.scale, tally, stop: stop.signal };
  const hostPids = () => watch.last.pids.filter((each) => each !== pid);
  await withModels(way, { port, tally }, async (loaded) => {
    const endMs = Date.now() + pressMs;
    const timer = setInterval(() => {
      // On a busy machine a short time may be over before anything could be answered.
      const isWaiting = way.answers === "some" && !tally.ends.has("answered");
      if (Date.now() > endMs + (isWaiting ? firstAnswerMs : 0)) stop.abort();
    }, 20);
    await way.press({ ...pressed, loaded, hostPids }).finally(() => clearInterval(timer));
  }).catch((error: unknown) => tally.complain(`the way itself failed: ${String(error)}`));
  const given = await untilGivenBack(watch, beforeBytes + keptBytes, parts.options);
  // Some work goes on for a while after those who wanted it have left.
  const peak = watch.peakSince(sinceMs);
  const report = await control.report();
  return { way, tally, beforeBytes, peak, given, report };
}

/** Waits for the tree to have no more than `goal` bytes, as long as that may take. */
async function untilGivenBack(
  watch: MemoryWatch,
  goal: number,
  { returnSeconds }: PressureOptions,
) {
  const startedMs = Date.now();
  while (watch.last.privateBytes > goal && Date.now() - startedMs < returnSeconds * 1000)
    await sleep(100);
  return {
    seconds: (Date.now() - startedMs) / 1000,
    bytes: watch.last.privateBytes,
    serverBytes: watch.last.serverBytes,
    isBack: watch.last.privateBytes <= goal,
  };
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`;
}
