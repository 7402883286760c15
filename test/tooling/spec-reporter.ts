import { Readable } from "node:stream";
import { spec, type TestEvent } from "node:test/reporters";

/** Node's spec reporter without its totals: the runner prints one line of totals for all processes. */
export default async function* specReporter(source: AsyncIterable<TestEvent>) {
  yield* Readable.from(withoutTotals(source)).compose(new spec());
}

async function* withoutTotals(source: AsyncIterable<TestEvent>) {
  for await (const event of source) {
    // Diagnostics of tests name their file; totals belong to none.
    if (event.type === "test:diagnostic" && event.data.file === undefined) continue;
    yield event;
  }
}
