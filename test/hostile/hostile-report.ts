import { slopeOf, type TreeSample } from "../soak/tree-watch.ts";
import type { SteadyResult } from "../support/clients/steady-client.ts";
import type { Fates } from "./attacker.ts";
import type { LoopDelay, LoopFigures } from "./loop-delays.ts";

const MiB = 1024 * 1024;

/** Live objects: what a warm server may still learn, statistics and compiled code. */
const liveGrowthBytes = 8 * MiB;
/** Private memory, by its trend: V8 and the allocator keep what they had at some peak, and come to the highest
 *  of them within so many requests. */
const settlingRequests = 150_000;
const trendBytes = { settled: 48 * MiB, settling: 256 * MiB };

/** How long the server may hold up its loop, one time in a thousand. */
const loopDelayMs = 20;

export interface HostileFacts {
  readonly wanted: number;
  /** Sent before the server counted as warm. */
  readonly warmUp: number;
  readonly seed: number;
  readonly seconds: number;
  /** Attack -> what became of its requests. */
  readonly fates: ReadonlyMap<string, Fates>;
  readonly steady: SteadyResult;
  /** The process that was attacked, and the one that answers now: undefined if none does. */
  readonly pids: { readonly before: number; readonly after: number | undefined };
  readonly hostPids: { readonly before: readonly number[]; readonly after: readonly number[] };
  /** Of the time in which the server was warm. */
  readonly samples: readonly TreeSample[];
  readonly loopDelay: LoopFigures;
  readonly live: { readonly warmBytes: number; readonly lastBytes: number };
  /** Lines of the log that tell of a bug. */
  readonly serverErrors: readonly string[];
  /** What it printed beside its log. */
  readonly lastWords: readonly string[];
  readonly exit: number | NodeJS.Signals | null;
}

export interface HostileVerdict {
  /** For people, several lines. */
  readonly text: string;
  /** Why the server failed; empty if it did not. */
  readonly faults: readonly string[];
}

export function judgeHostile(facts: HostileFacts): HostileVerdict {
  const { fates, steady, pids, hostPids, live, loopDelay, samples, serverErrors } = facts;
  const total = sum([...fates.values()]);
  const sent = total.ended + total.cut + total.hanging;
  const [first, last] = [samples[0], samples.at(-1)];
  const spanMs = (last?.atMs ?? 0) - (first?.atMs ?? 0);
  const trend = spanMs * slopeOf(samples.map(({ atMs, treeBytes }) => ({ x: atMs, y: treeBytes })));
  const trendLimit = facts.warmUp < settlingRequests ? trendBytes.settling : trendBytes.settled;
  const liveGrowth = live.lastBytes - live.warmBytes;
  const faults: string[] = [];
  const demand = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  demand(sent >= facts.wanted, `only ${sent} requests were sent`);
  demand(pids.after === pids.before, `process ${pids.before} did not survive`);
  // Others may have been starting still.
  const lostHosts = hostPids.before.filter((pid) => !hostPids.after.includes(pid));
  demand(lostHosts.length === 0, `engine hosts died: ${lostHosts.join(", ")}`);
  demand(total.hanging === 0, `${total.hanging} requests were never ended`);
  demand(steady.failures.length === 0, `a well-behaved client heard ${steady.failures.join(", ")}`);
  demand(steady.latenciesMs.length > 0, "the well-behaved client was not served");
  const heldUpMs = heldUpBy(loopDelay);
  demand(
    !(heldUpMs > loopDelayMs),
    `the server held up its loop by ${heldUpMs.toFixed(0)} ms at 99.9 %`,
  );
  demand(samples.length > 2, "too little time for a verdict");
  demand(liveGrowth < liveGrowthBytes, `the server's live objects grew by ${mib(liveGrowth)}`);
  demand(trend < trendLimit, `the process tree grew by ${mib(trend)}`);
  demand(serverErrors.length === 0, `${serverErrors.length} errors in the log`);
  demand(facts.exit === 0, `SIGTERM ended the server with ${facts.exit}`);
  const at = (part: number) =>
    steady.latenciesMs[Math.floor((steady.latenciesMs.length - 1) * part)] ?? Number.NaN;
  const text = [
    `${sent} hostile requests in ${facts.seconds.toFixed(0)} s, seed ${facts.seed}`,
    "",
    `${"attack".padEnd(44)}    ended      cut  hanging`,
    ...[...fates].map(
      ([name, { ended, cut, hanging }]) =>
        `  ${name.padEnd(42)} ${[ended, cut, hanging].map((n) => `${n}`.padStart(8)).join(" ")}`,
    ),
    "",
    `beside them: ${steady.latenciesMs.length} inferences of a well-behaved client, ` +
      `${steady.failures.length} lost; median ${at(0.5).toFixed(1)} ms, 99 % ${at(0.99).toFixed(0)} ms, ` +
      `worst ${at(1).toFixed(0)} ms`,
    `loop of the server: ${describeDelay(loopDelay.server)}; of an idle thread: ${describeDelay(loopDelay.idle)}`,
    `CPU time of a turn of the server's loop: ${describeMs(loopDelay.turnCpu)}`,
    `server: process ${pids.before}, ${pids.after === pids.before ? "the same" : "gone"} at the end; ` +
      `hosts ${hostPids.before.join(", ")}, then ${hostPids.after.join(", ")}`,
    `live objects of the server: ${mib(live.warmBytes)} when it was warm, ${mib(live.lastBytes)} at the end`,
    `memory of the process tree: ${mib(first?.treeBytes ?? 0)} when it was warm, ` +
      `${mib(last?.treeBytes ?? 0)} at the end, trend ${mib(trend)} of at most ${mib(trendLimit)}; ` +
      `the server alone ${mib(first?.serverBytes ?? 0)}, then ${mib(last?.serverBytes ?? 0)}`,
    ...serverErrors.slice(0, 20).map((line) => `  ${line}`),
    ...(pids.after === pids.before ? [] : ["last words of the server", ...facts.lastWords]),
    "",
    faults.length === 0 ? "verdict: unharmed" : `verdict: HARMED: ${faults.join("; ")}`,
  ].join("\n");
  return { text, faults };
}

function sum(fates: readonly Fates[]): Fates {
  const total = { ended: 0, cut: 0, hanging: 0 };
  for (const { ended, cut, hanging } of fates) {
    total.ended += ended;
    total.cut += cut;
    total.hanging += hanging;
  }
  return total;
}

/** How long the server's own work held up its loop at 99.9 %. How late the loop was also depends on who else wants the
 *  processors: the hosts and the attackers do. */
function heldUpBy({ server, idle, turnCpu }: LoopFigures): number {
  return Number.isNaN(turnCpu.p999Ms) ? server.p999Ms - idle.p999Ms : turnCpu.p999Ms;
}

function describeDelay(delay: LoopDelay): string {
  return `late by ${describeMs(delay)}`;
}

function describeMs({ p50Ms, p99Ms, p999Ms, maxMs }: LoopDelay): string {
  const [p50, p99, p999, max] = [p50Ms, p99Ms, p999Ms, maxMs].map((ms) => ms.toFixed(1));
  return `${p50} ms (median), ${p99} (99 %), ${p999} (99.9 %), at most ${max}`;
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}
