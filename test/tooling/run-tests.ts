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

/** One more than there are cores: most files wait for clocks and processes a third of the time. More than three would make some of
 *  them wait long for answers that they expect soon. */
const jobsAtOnce = Math.min(3, availableParallelism() + 1);

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
        const { verdict, cpuSeconds } = await runJob(run, limited, { options, folder, live });
        verdicts.push(verdict);
        const seconds = (performance.now() - startedMs) / 1000;
        durations.push({ name: job.name, seconds, cpuSeconds });
      });
    }
  });
  tellSlowest(run, durations);
  return conclude(run, verdicts);
}

interface Duration {
  readonly name: string;
  readonly seconds: number;
  readonly cpuSeconds: number | undefined;
}

const slowestCount = 25;

/** Where time could be saved; of a run of a few jobs each has said how long it took. Where files run side by side,
 *  what they use of the cores says more than how long they take. */
function tellSlowest(run: TestRun, durations: readonly Duration[]): void {
  if (durations.length <= slowestCount) return;
  const cost = ({ cpuSeconds = 0 }: Duration) => cpuSeconds;
  const inAll = durations.reduce((sum, duration) => sum + cost(duration), 0);
  run.write(`\n${inAll.toFixed(0)} s of CPU in all; the most expensive:\n    CPU       took\n`);
  const costly = durations.toSorted((a, b) => cost(b) - cost(a) || b.seconds - a.seconds);
  for (const duration of costly.slice(0, slowestCount)) {
    const [cpu, took] = [cost(duration), duration.seconds].map(
      (s) => `${s.toFixed(1).padStart(7)} s`,
    );
    run.write(`${cpu}  ${took}  ${duration.name}\n`);
  }
}

interface JobContext {
  readonly options: readonly string[];
  /** For records. */
  readonly folder: string;
  /** Whether to print output as it comes, or in one piece, so that jobs side by side do not mix. */
  readonly live: boolean;
}

interface JobResult {
  readonly verdict: TestVerdict;
  readonly cpuSeconds: number | undefined;
}

async function runJob(run: TestRun, job: TestJob, context: JobContext): Promise<JobResult> {
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
  const { cpuSeconds } = record;
  const cost = cpuSeconds === undefined ? "" : `, ${cpuSeconds.toFixed(1)} s of CPU`;
  run.write(`${job.name}: ${describeCounts(verdict.counts)} in ${seconds} s${cost}\n`);
  return { verdict, cpuSeconds };
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
