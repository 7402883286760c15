import type { Ledger } from "./ledger.ts";
import { slopeOf, type TreeSample } from "./tree-watch.ts";

const MiB = 1024 * 1024;

/** Live objects: with requests in flight at both times, and code that is still being optimised. */
const liveGrowthBytes = 16 * MiB;
/** Private memory: V8 and the allocator keep what they had at some peak, and dedicated hosts come and go. */
const privateGrowthBytes = 160 * MiB;
/** Sockets of probes that are still closing. */
const extraHandles = 4;

export interface SoakFacts {
  readonly minutes: number;
  readonly seed: number;
  readonly kills: number;
  readonly ledger: Ledger;
  /** Of the traffic without its first third, in which caches and heaps fill. */
  readonly samples: readonly TreeSample[];
  /** Live objects and buffers of the server after the first third and at the end, under load. */
  readonly live: { readonly warmBytes: number; readonly lastBytes: number };
  readonly atRest: { readonly before: TreeSample; readonly after: TreeSample };
  /** What the books still hold after everything was unloaded; one line each. */
  readonly leftovers: readonly string[];
  /** Lines of the server's log that tell of a bug. */
  readonly serverErrors: readonly string[];
  readonly exit: number | NodeJS.Signals | null;
  readonly orphans: readonly number[];
  /** How late the event loop of the load generator was, which latencies include. */
  readonly loopDelayMs: { readonly p99: number; readonly max: number };
  readonly usedCores: number;
}

export interface SoakVerdict {
  /** For people, several lines. */
  readonly text: string;
  /** Why the soak failed; empty if it did not. */
  readonly faults: readonly string[];
}

export function judgeSoak(facts: SoakFacts): SoakVerdict {
  const { ledger, samples, atRest } = facts;
  const growth = (pick: (sample: TreeSample) => number) =>
    slopeOf(samples.map((sample) => ({ x: sample.atMs, y: pick(sample) }))) *
    ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0));
  const serverGrowth = growth((sample) => sample.serverBytes);
  const treeGrowth = growth((sample) => sample.treeBytes);
  const faults: string[] = [];
  const demand = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  demand(ledger.lost === 0, `${ledger.lost} requests lost`);
  demand(ledger.open === 0, `${ledger.open} requests still open`);
  demand(ledger.unexpected === 0, `${ledger.unexpected} unexpected answers`);
  demand(ledger.answered > 0 && samples.length > 2, "too little traffic for a verdict");
  const liveGrowth = facts.live.lastBytes - facts.live.warmBytes;
  demand(liveGrowth < liveGrowthBytes, `the server's live objects grew by ${mib(liveGrowth)}`);
  demand(serverGrowth < privateGrowthBytes, `the server grew by ${mib(serverGrowth)}`);
  demand(treeGrowth < privateGrowthBytes, `the process tree grew by ${mib(treeGrowth)}`);
  demand(
    atRest.after.handles <= atRest.before.handles + extraHandles,
    `${atRest.after.handles} handles at rest, ${atRest.before.handles} before`,
  );
  demand(
    atRest.after.hosts === atRest.before.hosts,
    `${atRest.after.hosts} hosts at rest, ${atRest.before.hosts} before`,
  );
  faults.push(...facts.leftovers);
  demand(facts.serverErrors.length === 0, `${facts.serverErrors.length} errors in the log`);
  demand(facts.exit === 0, `SIGTERM ended the server with ${facts.exit}`);
  demand(facts.orphans.length === 0, `processes left over: ${facts.orphans.join(", ")}`);
  const text = [
    `soak of ${facts.minutes} minutes, seed ${facts.seed}: ${ledger.answered} requests answered, ` +
      `${ledger.lost} lost, ${ledger.unexpected} unexpected; ${facts.kills} hosts killed`,
    "",
    "answers by client and code",
    ...codeLines(ledger),
    "",
    "latency by kind, ms                                        count      p50      p99    worst",
    ...latencyLines(ledger),
    "",
    `load generator: event loop late by ${facts.loopDelayMs.p99.toFixed(1)} ms (p99), at most ` +
      `${facts.loopDelayMs.max.toFixed(1)} ms; ${facts.usedCores.toFixed(2)} cores in use on average`,
    `live objects of the server under load: ${mib(facts.live.warmBytes)} after the first third, ` +
      `${mib(facts.live.lastBytes)} at the end`,
    `memory of the server: ${mib(atRest.before.serverBytes)} at rest before, ` +
      `${mib(atRest.after.serverBytes)} after; trend under load ${perHour(serverGrowth, samples)}`,
    `memory of the process tree: ${mib(atRest.before.treeBytes)} at rest before, ` +
      `${mib(atRest.after.treeBytes)} after; trend under load ${perHour(treeGrowth, samples)}`,
    `handles of the server: ${atRest.before.handles} at rest before, ${atRest.after.handles} after, ` +
      `${Math.max(...samples.map(({ handles }) => handles))} at most under load`,
    `hosts: ${atRest.before.hosts} at rest before, ${atRest.after.hosts} after, ` +
      `${Math.max(...samples.map(({ hosts }) => hosts))} at most under load`,
    ...section("unexpected, in detail", ledger.details),
    ...section("errors in the server's log", facts.serverErrors.slice(0, 20)),
    "",
    faults.length === 0 ? "verdict: sound" : `verdict: NOT SOUND: ${faults.join("; ")}`,
  ].join("\n");
  return { text, faults };
}

function codeLines({ codes }: Ledger): string[] {
  return [...codes.entries()].sort().map(([client, counts]) => {
    const list = [...counts.entries()].sort().map(([code, count]) => `${code} ${count}`);
    return `  ${client.padEnd(34)} ${list.join(", ")}`;
  });
}

function latencyLines(ledger: Ledger): string[] {
  return ledger
    .summaries()
    .sort((a, b) => (a.kind < b.kind ? -1 : 1))
    .map(({ kind, count, p50Ms, p99Ms, maxMs }) => {
      const figures = [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1).padStart(8));
      return `  ${kind.padEnd(54)} ${String(count).padStart(7)} ${figures.join(" ")}`;
    });
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(1)} MiB`;
}

function perHour(growthBytes: number, samples: readonly TreeSample[]): string {
  const hours = ((samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)) / 3_600_000;
  return `${growthBytes < 0 ? "" : "+"}${mib(growthBytes)} (${mib(growthBytes / hours)} an hour)`;
}
