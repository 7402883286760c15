import { globSync } from "node:fs";
import { join } from "node:path";

/** Test files that run in one process. */
export interface TestJob {
  /** For people: a phase or a file. */
  readonly name: string;
  /** Relative to the root. */
  readonly files: readonly string[];
  readonly timeoutMs: number;
}

export interface TestSelection {
  /** A file is selected if its path contains one of these; every file if there are none. */
  readonly filters: readonly string[];
  /** Options for `node --test`. */
  readonly options: readonly string[];
}

/** For a file that takes a minute or two alone: a machine that is busy with something else may need several times
 *  as long. */
const hangMs = 12 * 60_000;

/** Splits a command line. Words that do not start with "-" select files. */
export function readSelection(argv: readonly string[]): TestSelection {
  const filters: string[] = [];
  const options: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? "";
    if (word === "--") continue;
    if (!word.startsWith("-")) {
      filters.push(word.replace(/^\.\//, ""));
    } else if (/^--test-(name|skip)-pattern$/.test(word) && index + 1 < argv.length) {
      options.push(`${word}=${argv[++index]}`);
    } else {
      options.push(word);
    }
  }
  return { filters, options };
}

/** The jobs for every `*.test.ts` under `root`/test that `filters` select, in waves: jobs of one wave may
 *  run side by side. Unit tests, which do not wait, share one process, which is many times faster; all others have one per
 *  file, so that a crash or a leak stays with its file. A file named `*.alone.test.ts` measures time and
 *  gets the machine to itself. */
export function planJobs(root: string, filters: readonly string[]): TestJob[][] {
  const files = globSync("test/**/*.test.ts", { cwd: root })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => filters.length === 0 || filters.some((part) => file.includes(part)))
    .sort();
  const units = files.filter((file) => file.startsWith("test/unit/"));
  const others = files.filter((file) => !units.includes(file));
  const isAlone = (file: string) => file.endsWith(".alone.test.ts");
  const unitJobs =
    units.length === 0 ? [] : [{ name: "test/unit", files: units, timeoutMs: hangMs }];
  const waves: TestJob[][] = [
    // The longest first, or it would keep one core busy and the others waiting at the end.
    [...unitJobs, ...others.filter((file) => !isAlone(file)).map(oneFile)],
    ...others.filter(isAlone).map((file) => [oneFile(file)]),
  ];
  return waves.filter((wave) => wave.length > 0);
}

function oneFile(file: string): TestJob {
  return { name: file, files: [file], timeoutMs: hangMs };
}

/** Command line of the process for `job`, and where it leaves its record. */
export function jobCommand(job: TestJob, options: readonly string[], recordFile: string): string[] {
  // Node 22 has the option under the name that it had at first.
  const isolation = process.allowedNodeEnvironmentFlags.has("--test-isolation")
    ? "--test-isolation=none"
    : "--experimental-test-isolation=none";
  return [
    process.execPath,
    "--test",
    isolation,
    // A test that hangs fails by itself, before the whole job runs out of time.
    `--test-timeout=${job.timeoutMs * 0.8}`,
    `--test-reporter=${join(import.meta.dirname, "spec-reporter.ts")}`,
    "--test-reporter-destination=stdout",
    `--test-reporter=${join(import.meta.dirname, "record-reporter.ts")}`,
    `--test-reporter-destination=${recordFile}`,
    ...options,
    ...job.files,
  ];
}
