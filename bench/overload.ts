// `node bench/overload.ts [seconds]`: how overload affects throughput, latency, and other calls.
// docs/reliability.md quotes it.

import { measureOverload } from "../test/support/attacks/overload.ts";

const seconds = Number(process.argv[2] ?? 10);
const { saturated, overloaded, beside, wrong } = await measureOverload(seconds);
const line = (name: string, { count, p50Ms, p99Ms, maxMs }: (typeof beside)[string]) =>
  `${name.padEnd(30)} ${String(count).padStart(7)} ${[p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(1).padStart(9)).join("")}\n`;
process.stdout.write(
  [
    `goodput: ${saturated.goodputPerSecond.toFixed(0)} a second saturated, ` +
      `${overloaded.goodputPerSecond.toFixed(0)} overloaded\n`,
    `CPU for an answer, ms: hosts ${saturated.hostCpuMs.toFixed(2)} saturated, ` +
      `${overloaded.hostCpuMs.toFixed(2)} overloaded; server ${saturated.serverCpuMs.toFixed(2)} and ` +
      `${overloaded.serverCpuMs.toFixed(2)}\n`,
    "latency, ms                      count      p50      p99    worst\n",
    line("answered, saturated", saturated.answered),
    line("answered, overloaded", overloaded.answered),
    line("refused, overloaded", overloaded.refused),
    ...Object.entries(beside).map(([name, latencies]) => line(name, latencies)),
    ...[...saturated.wrong, ...overloaded.wrong, ...wrong].map((problem) => `wrong: ${problem}\n`),
  ].join(""),
);
