import { checkStep } from "./generation-rules.ts";
import * as inference from "./inference-actions.ts";
import { checkBooks, checkCalm, checkEmpty } from "./invariants.ts";
import * as lifecycle from "./lifecycle-actions.ts";
import * as repository from "./repository-actions.ts";
import { type Act, allTurns, type Script, type Step } from "./script.ts";
import type { LifecycleViolation } from "./violation.ts";
import { VirtualDisk } from "./virtual-disk.ts";
import { World } from "./world.ts";

/** Does one act. `a` and `b` say which and how; returns in words what was done, undefined if there was
 *  nothing to do. */
type Action = (
  world: World,
  a: number,
  b: number,
) => string | undefined | Promise<string | undefined>;

const timesMs = [1, 60, 250, 500, 1000, 2500, 10_000] as const;

const actions: Record<Act, Action> = {
  load: lifecycle.load,
  unload: lifecycle.unload,
  status: lifecycle.status,
  close: lifecycle.close,
  predict: lifecycle.predictSize,
  infer: inference.infer,
  ask: inference.ask,
  "load from repository": repository.loadFromRepository,
  "unload from repository": repository.unloadFromRepository,
  "change repository": repository.changeRepository,
  index: repository.index,
  cancel: (world, a) => world.callers.leave(a),
  crash: (world, a) => world.engine.crashOne(a),
  settle: (world, a, b) => world.works.settle(a, b),
  calm: async (world) =>
    (await settleAll(world)) > 0 ? "everything under way succeeds" : undefined,
  time: async (world, a) => {
    const ms = timesMs[a % timesMs.length] ?? 1;
    // Node runs timers only when all promises have reacted.
    await world.react();
    const fired = await world.clock.advance(ms, () => world.react());
    return `${ms} ms pass, ${fired} timers fire`;
  },
};

export interface ScriptRun {
  /** What each step did, and the states after it: the same for the same script, always. Steps that
   *  found nothing to do are left out. */
  readonly trace: readonly string[];
  readonly violation: LifecycleViolation | undefined;
}

let current: World | undefined;

/** Puts the virtual disk in the place of the real one, for as long as scripts are run. Returns the
 *  function that takes it away. */
export function installVirtualDisk(): () => void {
  return VirtualDisk.install(() => current?.disk);
}

/** Runs a script in a world of its own, and checks it after each step and in the end. */
export async function runScript(script: Script): Promise<ScriptRun> {
  const trace: string[] = [];
  const world = new World(script.setup, checkStep);
  current = world;
  const stopClock = world.clock.install();
  const onUnhandled = (reason: unknown) => {
    const text = reason instanceof Error ? (reason.stack ?? reason.message) : String(reason);
    world.violations.report("no failure is left to nobody", text);
  };
  process.on("unhandledRejection", onUnhandled);
  const settled = async (done: string) => {
    await world.react();
    checkCalm(world);
    trace.push(`${done.padEnd(50)} ${describe(world)}`);
    world.violations.throwFirst();
  };
  try {
    await world.react();
    for (const step of script.steps) {
      const done = await actions[step.act](world, step.a, step.b);
      if (done === undefined) continue;
      if (step.turns === allTurns) await settled(done);
      else await hurry(world, step, (text) => trace.push(`${done.padEnd(50)} ${text}`));
    }
    await settleAll(world);
    await settled("everything under way succeeds");
    await finish(world, settled);
    return { trace, violation: undefined };
  } catch (reason) {
    world.violations.report("the test itself has no faults", String(reason));
    return { trace, violation: caught(world) };
  } finally {
    process.off("unhandledRejection", onUnhandled);
    stopClock();
    current = undefined;
  }
}

/** Lets promises react a few times only: the next step falls into the middle of what this one began. */
async function hurry(world: World, { turns }: Step, note: (text: string) => void): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await Promise.resolve();
  checkBooks(world);
  note(`${describe(world)} (${turns} turns)`);
  world.violations.throwFirst();
}

/** Lets time pass until nobody waits any more, and closes the runtime. */
async function finish(world: World, settled: (done: string) => Promise<void>): Promise<void> {
  for (const last of ["time passes", "close"]) {
    if (last === "close") lifecycle.close(world, 0, 0);
    for (let round = 0; round < 30 && world.callers.openCount > 0; round++) {
      await world.clock.advance(1000, () => world.react());
      await settleAll(world);
    }
    await settled(last);
  }
  checkEmpty(world);
  world.violations.throwFirst();
}

/** Answers everything that is under way, and what comes of that, with success. */
async function settleAll(world: World): Promise<number> {
  let count = 0;
  await world.react();
  while (world.works.settle(0, 0) !== undefined) {
    count++;
    await world.react();
  }
  return count;
}

function caught(world: World): LifecycleViolation | undefined {
  try {
    world.violations.throwFirst();
    return undefined;
  } catch (violation) {
    return violation as LifecycleViolation;
  }
}

/** All generations with their states. */
function describe(world: World): string {
  const states = [...world.watch.present()].map(({ name, station }) => `${name} ${station}`);
  return `| ${states.join(", ") || "nothing"} | ${world.manager.usedBytes} bytes, ${world.callers.openCount} calls, ${world.works.count} under way`;
}
