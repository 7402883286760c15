import fc from "fast-check";
import { installVirtualDisk, runScript, type ScriptRun } from "./run-script.ts";
import { type Script, scripts } from "./script.ts";

export interface SearchOptions {
  /** A number, or a number and the path that a failure was reported with: "12345:17:0". */
  readonly seed: string;
  /** The search ends when it has made this many. */
  readonly steps: number;
  /** Whether to make a script that fails as short as possible. */
  readonly shrinks: boolean;
}

export interface SearchResult {
  /** Steps that did anything. */
  readonly steps: number;
  readonly scripts: number;
  readonly failure: SearchFailure | undefined;
}

export interface SearchFailure {
  /** Replays the shortest script. */
  readonly seed: string;
  readonly script: Script;
  readonly run: ScriptRun;
}

const scriptsPerRound = 50;
/** A round takes a second. To make a script that fails shorter may take many times that, and whoever waits
 *  wants the seed all the same. Counted, since a limit in time would end in the middle of a script, which
 *  then goes on beside the next one, and elsewhere on another machine. */
const scriptsToShorten = 1_500;
const maxSteps = 240;

/** Runs random scripts until one breaks a promise or enough steps were made. */
export async function searchForViolation(options: SearchOptions): Promise<SearchResult> {
  const uninstall = installVirtualDisk();
  const [seedText = "", ...path] = options.seed.split(":");
  const firstSeed = Number(seedText);
  let [steps, count] = [0, 0];
  try {
    for (let round = 0; steps < options.steps; round++) {
      let sinceFailure: number | undefined;
      const property = fc.asyncProperty(scripts(maxSteps), async (script) => {
        if (sinceFailure !== undefined && sinceFailure++ >= scriptsToShorten) return true;
        const run = await runScript(script);
        if (run.violation !== undefined) sinceFailure ??= 0;
        steps += run.trace.length;
        count++;
        return run.violation === undefined;
      });
      const seed = firstSeed + round;
      const details = await fc.check(property, {
        seed,
        numRuns: scriptsPerRound,
        endOnFailure: !options.shrinks,
        ...(path.length > 0 ? { path: path.join(":") } : {}),
      });
      if (details.failed) {
        if (details.counterexample === null) throw details.errorInstance;
        const [script] = details.counterexample;
        const replay = `${seed}:${details.counterexamplePath}`;
        const run = await runScript(script);
        return { steps, scripts: count, failure: { seed: replay, script, run } };
      }
      if (path.length > 0) break;
    }
    return { steps, scripts: count, failure: undefined };
  } finally {
    uninstall();
  }
}

/** A failure for people: what was broken, how to see it again, and the script. */
export function describeFailure({ seed, script, run }: SearchFailure): string {
  return [
    run.violation?.message,
    `MODELPORT_LIFECYCLE_SEED=${seed} replays it. The script, with the states after each step:`,
    JSON.stringify(script.setup),
    ...run.trace.map((line, index) => `${String(index + 1).padStart(4)}  ${line}`),
  ].join("\n");
}
