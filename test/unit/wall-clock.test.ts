import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { projectRoot } from "../support/servers/served.ts";

/** Who may look at the wall clock: to tell people when something was, and to judge certificates, which are valid by it.
 *  It jumps, so that nothing is measured or waited for by it. */
const tellers = new Set([
  "src/cli/show/terminal-text.ts",
  "src/doctor/check-clock.ts",
  "src/doctor/diagnose.ts",
  "src/doctor/check-tls.ts",
  "src/observe/log.ts",
  "src/rpc/port/server-certificate.ts",
  "src/service/counts/inference-statistics.ts",
  "src/service/watch/model-track.ts",
  "src/service/counts/recent-failures.ts",
  "src/service/watch/runtime-watch.ts",
  "src/observe/tracing.ts",
  "src/doctor/check-signing.ts",
  "src/rpc/payload-log/events/events-of.ts",
  "src/rpc/payload-log/logged-call.ts",
  "src/rpc/payload-log/logged-stream.ts",
  "src/rpc/payload-log/sinks/file-sink.ts",
  "src/rpc/payload-log/sinks/http-sink.ts",
  "src/service/polling/repository-poller.ts",
  "src/signing/certificates/verify-chain.ts",
  "src/signing/check/verify-envelope.ts",
  "src/signing/check/verify-model.ts",
]);

describe("the sources of the server", () => {
  it("measure time by the monotonic clock", () => {
    const files = globSync("src/**/*.ts", { cwd: projectRoot, exclude: ["src/dashboard/**"] });
    const users = files.filter((file) =>
      /\bDate\b/.test(withoutComments(readFileSync(join(projectRoot, file), "utf8"))),
    );
    assert.ok(files.length > 100, "the sources are elsewhere");
    assert.deepEqual(new Set(users), tellers);
  });
});

function withoutComments(source: string): string {
  return source.replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
}
