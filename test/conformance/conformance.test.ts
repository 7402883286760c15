import assert from "node:assert/strict";
import { access, constants } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { projectRoot } from "../support/servers/served.ts";
import { runConformance } from "./run-conformance.ts";

// Where the runner is, and whether doing without it is an error.
const { MODELPORT_CONFORMANCE, MODELPORT_REQUIRE_CONFORMANCE } = process.env;
const runner =
  MODELPORT_CONFORMANCE || join(projectRoot, "node_modules/.cache/conformance/connectconformance");
const isRequired = MODELPORT_REQUIRE_CONFORMANCE === "1";

const missing = await access(runner, constants.X_OK).then(
  () => undefined,
  () => `no conformance runner at ${runner}: test/conformance/install-runner.sh makes one`,
);
const skip = missing === undefined || isRequired ? false : missing;

// The first failures tell the most.
const maxReportLetters = 20_000;

/** Kinds of servers under test, and how many cases there are for them. */
const kinds = [
  { name: "the port", features: "features.yaml", options: {}, patterns: [], cases: 3536 },
  {
    name: "the port with TLS",
    features: "features-tls.yaml",
    options: {},
    patterns: ["**/TLS:true/**", "**/TLS Client Certs/**"],
    cases: 521,
  },
  {
    name: "the port without the fast path of unary gRPC calls",
    features: "features.yaml",
    options: { fastPath: false },
    patterns: ["**/HTTPVersion:2/Protocol:PROTOCOL_GRPC/**"],
    cases: 841,
  },
];

for (const { name, features, options, patterns, cases } of kinds) {
  describe(name, { skip }, () => {
    it("passes every case of the Connect conformance suite", async (t) => {
      assert.equal(missing, undefined);
      const run = { runner, features, options, patterns, timeoutMs: 180_000 };
      const result = await runConformance(run);
      t.diagnostic(`${result.passed} cases passed`);
      const report = result.report.slice(0, maxReportLetters);
      assert.equal(result.failed, 0, report);
      assert.equal(result.end, "content", report);
      assert.equal(result.passed, cases, "a protocol, version or feature is no longer tried");
    });
  });
}
