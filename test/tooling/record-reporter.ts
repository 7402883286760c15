import type { TestEvent } from "node:test/reporters";
import { cpuSeconds } from "./cpu-seconds.ts";
import type { RecordLine } from "./test-record.ts";

/** Writes what the runner must know about each test, one JSON object a line; test-record.ts reads it. */
export default async function* recordReporter(source: AsyncIterable<TestEvent>) {
  for await (const event of source) {
    const line = toLine(event);
    if (line !== undefined) yield `${JSON.stringify(line)}\n`;
  }
  yield `${JSON.stringify({ tag: "cost", cpuSeconds: cpuSeconds() } satisfies RecordLine)}\n`;
}

function toLine({ type, data }: TestEvent): RecordLine | undefined {
  if (type === "test:dequeue") return { tag: "started", ...place(data) };
  if (type !== "test:pass" && type !== "test:fail") return undefined;
  // A skipped suite never defines its tests, so it stands for them.
  const kind = data.details.type === "suite" && !isSet(data.skip) ? "suite" : "test";
  // A todo that fails is expected to; a skip never ran.
  const skipped = isSet(data.skip) || isSet(data.todo);
  const outcome = skipped ? "skipped" : type === "test:pass" ? "passed" : "failed";
  return { tag: "ended", ...place(data), kind, outcome };
}

function place(data: { name: string; file?: string | undefined; nesting: number }) {
  return { name: data.name, file: data.file ?? "", nesting: data.nesting };
}

/** Of an option that is `true`, or a reason (even an empty one), when it is set. */
function isSet(option: string | boolean | undefined): boolean {
  return option !== undefined && option !== false;
}
