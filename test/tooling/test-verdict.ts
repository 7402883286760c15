import type { GroupResult } from "./process-group.ts";
import type { TestJob } from "./test-jobs.ts";
import type { Counts, TestRecord } from "./test-record.ts";

export interface TestVerdict {
  /** Every problem counts as one more failure. */
  readonly counts: Counts;
  /** What went wrong beside failed tests, one line each. */
  readonly problems: readonly string[];
}

/** Judges one process of tests by how it ended and by the record that it left. `partial`: the caller
 *  asked for some tests only, so that files without any are in order. */
export function judgeJob(
  job: TestJob,
  result: GroupResult,
  { record, partial }: { readonly record: TestRecord; readonly partial: boolean },
): TestVerdict {
  const problems = [
    ...endProblems(job, result, record),
    ...result.leftBehind.map((command) => `${job.name} left a process behind: ${command}`),
    ...(partial ? [] : record.emptyFiles.map((file) => `${file} has no tests`)),
  ];
  const { counts } = record;
  return { counts: { ...counts, failed: counts.failed + problems.length }, problems };
}

function endProblems({ name, timeoutMs }: TestJob, { end }: GroupResult, record: TestRecord) {
  const open = record.unfinished.length === 0 ? "none" : record.unfinished.join(" > ");
  if (end === "timeout") {
    const cause = record.unfinished.length === 0 ? " (an open server, timer or child?)" : "";
    return [
      `${name} did not end within ${timeoutMs / 1000} s and was ended; unfinished tests: ${open}${cause}`,
    ];
  }
  if ("signal" in end) return [`${name} was ended by ${end.signal}; unfinished tests: ${open}`];
  if (record.counts.failed > 0) return [];
  if (record.failedSuites > 0) return [`${name}: a suite failed outside its tests`];
  return end.status === 0
    ? []
    : [
        `${name} ended with status ${end.status} although no test failed; unfinished tests: ${open}`,
      ];
}
