import type { ControlReport } from "./control-client.ts";
import type { Tally } from "./tally.ts";
import type { Way } from "./way.ts";

const MiB = 1024 * 1024;

/** What one way came to. */
export interface WayFacts {
  readonly way: Way;
  readonly tally: Tally;
  /** Private memory of the tree when it began, and at most. */
  readonly beforeBytes: number;
  readonly peak: { readonly privateBytes: number; readonly heldBytes: number };
  /** When the memory was given back, and how much there was then, or after the time that it may take; of that, what
   *  the server had. */
  readonly given: {
    readonly seconds: number;
    readonly bytes: number;
    readonly serverBytes: number;
    readonly isBack: boolean;
  };
  /** How small calls went beside it. */
  readonly report: ControlReport;
}

export interface PressureFacts {
  readonly containerBytes: number;
  readonly seed: number;
  readonly seconds: number;
  readonly startBytes: number;
  readonly endBytes: number;
  /** What may be left above the start. */
  readonly keptBytes: number;
  readonly peak: { readonly privateBytes: number; readonly heldBytes: number };
  readonly ways: readonly WayFacts[];
  readonly isAlive: boolean;
  /** Lines of the server's log that tell of a bug. */
  readonly serverErrors: readonly string[];
  readonly lastWords: readonly string[];
  readonly exit: number | NodeJS.Signals | null;
}

export interface PressureVerdict {
  /** For people, several lines. */
  readonly text: string;
  /** Why the server failed; empty if it did not. */
  readonly faults: readonly string[];
}

export function judgePressure(facts: PressureFacts): PressureVerdict {
  const { containerBytes, ways, peak, startBytes, endBytes, keptBytes } = facts;
  const faults: string[] = [];
  const demand = (holds: boolean, fault: string) => {
    if (!holds) faults.push(fault);
  };
  for (const each of ways) faults.push(...faultsOf(each, facts));
  const smallCalls = ways.reduce((sum, { report }) => sum + report.calls, 0);
  demand(smallCalls > 0, "no small call was made beside them");
  demand(facts.isAlive, "the server did not survive");
  demand(
    endBytes <= startBytes + keptBytes,
    `${mib(endBytes)} are left a minute after the end, ${mib(startBytes)} at the start`,
  );
  demand(
    facts.serverErrors.length === 0,
    `${facts.serverErrors.length} errors in the server's log`,
  );
  demand(facts.exit === 0, `SIGTERM ended the server with ${facts.exit}`);
  const text = [
    "",
    `${ways.length} ways in ${facts.seconds.toFixed(0)} s, seed ${facts.seed}, a container of ${mib(containerBytes)}`,
    "",
    header,
    ...ways.map(rowOf),
    "",
    `peak of the tree: ${mib(peak.privateBytes)} private, ${mib(peak.heldBytes)} that the kernel cannot take back; ` +
      `${mib(startBytes)} at the start, ${mib(endBytes)} at the end`,
    ...section("errors in the server's log", facts.serverErrors.slice(0, 20)),
    ...(facts.isAlive ? [] : section("last words of the server", facts.lastWords)),
    ...section("faults", faults),
    "",
    faults.length === 0 ? "verdict: bounded" : `verdict: NOT BOUNDED: ${faults.length} faults`,
  ].join("\n");
  return { text, faults };
}

function faultsOf({ way, tally, peak, given, report }: WayFacts, facts: PressureFacts): string[] {
  const faults: string[] = [];
  const demand = (holds: boolean, fault: string) => {
    if (!holds) faults.push(`${way.name}: ${fault}`);
  };
  const answered = tally.ends.get("answered") ?? 0;
  for (const [what, bytes] of [
    ["private", peak.privateBytes],
    ["held", peak.heldBytes],
  ] as const) {
    demand(bytes <= facts.containerBytes, `the tree had ${mib(bytes)} ${what}`);
  }
  demand(given.isBack, `${mib(given.bytes)} were left after ${given.seconds.toFixed(0)} s`);
  demand(tally.calls > 0, "it made no call");
  if (way.answers === "some") {
    const told = [...tally.lastTexts].map(([code, text]) => `; ${code}: ${text}`).join("");
    demand(answered > 0, `none of its calls was answered${told}`);
  }
  if (way.answers === "none") demand(answered === 0, `${answered} of its calls were answered`);
  for (const [fault, count] of tally.faults) demand(false, `${count} × ${fault}`);
  for (const [failure, count] of report.failures) {
    demand(false, `${count} × a small call beside it: ${failure}`);
  }
  return faults;
}

const header = [
  "way".padEnd(44),
  "before".padStart(7),
  "peak".padStart(7),
  "held".padStart(7),
  "after".padStart(7),
  "server".padStart(7),
  "in s".padStart(6),
  " small calls: n, p50, p99, worst ms".padEnd(36),
  "ends",
].join(" ");

/** One line of the table. */
export function rowOf({ way, tally, beforeBytes, peak, given, report }: WayFacts): string {
  const ends = [...tally.ends].map(([code, count]) => `${code} ${count}`).join(", ");
  const ms = [report.p50Ms, report.p99Ms, report.worstMs].map((each) =>
    each.toFixed(0).padStart(6),
  );
  const wrong = [...tally.faults.values(), ...report.failures.values()].reduce((a, b) => a + b, 0);
  return [
    way.name.padEnd(44),
    whole(beforeBytes),
    whole(peak.privateBytes),
    whole(peak.heldBytes),
    whole(given.bytes),
    whole(given.serverBytes),
    given.seconds.toFixed(1).padStart(6),
    `${String(report.calls).padStart(8)} ${ms.join(" ")}`.padEnd(36),
    `${ends}${wrong === 0 ? "" : ` (${wrong} WRONG)`}`,
  ].join(" ");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${line}`)];
}

function whole(bytes: number): string {
  return (bytes / MiB).toFixed(0).padStart(7);
}

function mib(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`;
}
