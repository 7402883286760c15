import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Setting } from "../../src/config/setting.ts";
import { settings } from "../../src/config/settings.ts";
import { inParallel } from "./in-parallel.ts";
import { runGroup } from "./process-group.ts";
import { inTemporaryFolder } from "./temporary-folder.ts";
import { jobCommand, planJobs, readSelection, type TestJob } from "./test-jobs.ts";
import { type Counts, type Outcome, readRecord } from "./test-record.ts";
import { judgeJob, type TestVerdict } from "./test-verdict.ts";

export interface TestRun {
  /** Directory whose test/ folder is run. */
  readonly root: string;
  /** Parts of paths that select files, and options for `node --test`. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly write: (text: string | Buffer) => void;
  /** Replaces every job's own limit. */
  readonly timeoutMs?: number;
}

/** More would save little time: files wait for clocks and processes, and some for answers within milliseconds. */
const jobsAtOnce = Math.min(2, availableParallelism());

/** Runs the selected tests and prints them, last of all one line of totals. Resolves with the exit
 *  status: 0 only if at least one test ran and none failed, hung, crashed or left a process behind. */
export async function runTests(run: TestRun): Promise<number> {
  const { filters, options } = readSelection(run.argv);
  const verdicts: TestVerdict[] = [];
  const durations: Duration[] = [];
  await inTemporaryFolder(async (folder) => {
    for (const wave of planJobs(run.root, filters)) {
      const live = wave.length === 1;
      await inParallel(wave, jobsAtOnce, async (job) => {
        const limited = { ...job, timeoutMs: run.timeoutMs ?? job.timeoutMs };
        const startedMs = performance.now();
        verdicts.push(await runJob(run, limited, { options, folder, live }));
        durations.push({ name: job.name, seconds: (performance.now() - startedMs) / 1000 });
      });
    }
  });
  tellSlowest(run, durations);
  return conclude(run, verdicts);
}

interface Duration {
  readonly name: string;
  readonly seconds: number;
}

const slowestCount = 15;

/** Where time could be saved; of a run of a few jobs each has said how long it took. */
function tellSlowest(run: TestRun, durations: readonly Duration[]): void {
  if (durations.length <= slowestCount) return;
  const slowest = durations.toSorted((a, b) => b.seconds - a.seconds).slice(0, slowestCount);
  run.write("\nthe slowest:\n");
  for (const { name, seconds } of slowest) {
    run.write(`${seconds.toFixed(1).padStart(7)} s  ${name}\n`);
  }
}

interface JobContext {
  readonly options: readonly string[];
  /** For records. */
  readonly folder: string;
  /** Whether to print output as it comes, or in one piece, so that jobs side by side do not mix. */
  readonly live: boolean;
}

async function runJob(run: TestRun, job: TestJob, context: JobContext): Promise<TestVerdict> {
  const recordFile = join(context.folder, `${job.name.replaceAll("/", "+")}.jsonl`);
  const startedMs = performance.now();
  const output: Buffer[] = [];
  if (context.live) run.write(`\n${job.name}\n`);
  const result = await runGroup(jobCommand(job, context.options, recordFile), {
    name: job.name,
    cwd: run.root,
    env: testEnvironment(run),
    timeoutMs: job.timeoutMs,
    onOutput: (chunk) => (context.live ? run.write(chunk) : output.push(chunk)),
  });
  if (!context.live) run.write(Buffer.concat([Buffer.from(`\n${job.name}\n`), ...output]));

  const text = existsSync(recordFile) ? readFileSync(recordFile, "utf8") : "";
  const record = readRecord(text, run.root);
  const verdict = judgeJob(job, result, { record, partial: context.options.length > 0 });
  for (const problem of verdict.problems) run.write(`✖ ${problem}\n`);
  const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
  run.write(`${job.name}: ${describeCounts(verdict.counts)} in ${seconds} s\n`);
  return verdict;
}

/** Prints every problem again, since it may stand far above, and the totals. */
function conclude(run: TestRun, verdicts: readonly TestVerdict[]): number {
  const total = (outcome: Outcome) =>
    verdicts.reduce((sum, { counts }) => sum + counts[outcome], 0);
  const [passed, failed, skipped] = [total("passed"), total("failed"), total("skipped")];
  const problems = verdicts.flatMap((verdict) => verdict.problems);
  if (passed + failed === 0) problems.push("no test ran");
  run.write("\n");
  for (const problem of problems) run.write(`✖ ${problem}\n`);
  run.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
  return passed > 0 && failed === 0 ? 0 : 1;
}

function describeCounts({ passed, failed, skipped }: Counts): string {
  return [
    `${passed + failed + skipped} tests`,
    ...(failed > 0 ? [`${failed} FAILED`] : []),
    ...(skipped > 0 ? [`${skipped} skipped`] : []),
  ].join(", ");
}

/** The environment without settings of the runtime, which would change what is tested, and without
 *  the mark by which Node's test runner refuses to run inside itself; with a cache for compiled code. */
function testEnvironment({ env, root }: TestRun): NodeJS.ProcessEnv {
  const clean = { ...env };
  for (const { env: own, aliases = [] } of Object.values<Setting>(settings)) {
    for (const variable of [own, ...aliases]) delete clean[variable];
  }
  delete clean["NODE_TEST_CONTEXT"];
  // As the program does: tests and the engine hosts that they start need not strip and compile the sources anew.
  clean["NODE_COMPILE_CACHE"] ??= join(root, "node_modules/.cache/modelport");
  return clean;
}
