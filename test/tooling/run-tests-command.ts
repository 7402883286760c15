import { constants } from "node:os";
import { join } from "node:path";
import { killAllGroups } from "./process-group.ts";
import { runTests } from "./run-tests.ts";

// Test processes have groups of their own, which the terminal's Ctrl-C does not reach.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    const running = killAllGroups().join(", ") || "nothing";
    process.stderr.write(`\n✖ interrupted by ${signal} while this ran: ${running}\n`);
    process.exit(128 + constants.signals[signal]);
  });
}

process.exitCode = await runTests({
  root: join(import.meta.dirname, "../.."),
  argv: process.argv.slice(2),
  env: process.env,
  write: (text) => process.stdout.write(text),
});
