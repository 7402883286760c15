import { resolve } from "node:path";

export type Outcome = "passed" | "failed" | "skipped";

/** One line of the record that a test process leaves behind. */
export type RecordLine =
  | (Place & { readonly tag: "started" })
  | { readonly tag: "cost"; readonly cpuSeconds: number }
  | (Place & { readonly tag: "ended"; readonly kind: "suite" | "test"; readonly outcome: Outcome });

interface Place {
  readonly name: string;
  readonly file: string;
  readonly nesting: number;
}

export type Counts = Record<Outcome, number>;

export interface TestRecord {
  /** Tests without the suites around them, and suites that were skipped whole. */
  readonly counts: Counts;
  /** Suites that failed themselves, in a hook for example. */
  readonly failedSuites: number;
  /** Files that were loaded and defined no test. */
  readonly emptyFiles: readonly string[];
  /** Names of tests that started and did not end, outermost first. */
  readonly unfinished: readonly string[];
  /** What the process and its children used of the cores; none if it did not come to an end. */
  readonly cpuSeconds: number | undefined;
}

/** Reads a record. `cwd`: directory of the process that wrote it. The last line may be cut off. */
export function readRecord(text: string, cwd: string): TestRecord {
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const emptyFiles: string[] = [];
  const running = new Map<string, string>();
  let failedSuites = 0;
  let cpuSeconds: number | undefined;
  for (const row of text.split("\n").slice(0, -1)) {
    const line = JSON.parse(row) as RecordLine;
    if (line.tag === "cost") {
      cpuSeconds = line.cpuSeconds;
      continue;
    }
    const key = `${line.file} ${line.nesting} ${line.name}`;
    if (line.tag === "started") {
      running.set(key, line.name);
      continue;
    }
    running.delete(key);
    if (line.kind === "suite") {
      if (line.outcome === "failed") failedSuites++;
    } else if (line.outcome === "passed" && isFileItself(line, cwd)) {
      emptyFiles.push(line.name);
    } else {
      counts[line.outcome]++;
    }
  }
  return { counts, failedSuites, emptyFiles, unfinished: [...running.values()], cpuSeconds };
}

/** Node reports a file without tests as a passed test by the name of the file; Node 22 names no file. */
function isFileItself({ name, file }: Place, cwd: string): boolean {
  return file === "" ? name.endsWith(".test.ts") : resolve(cwd, name) === file;
}
