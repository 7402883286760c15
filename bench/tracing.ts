// `node bench/tracing.ts [rounds] [seconds]`: what tracing and the access log cost a small inference whose model
// only echoes: the worst case. Counts CPU time of the server for each call, which says little about the
// neighbours of a busy machine. docs/tracing.md quotes it.

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { cpuMsOf } from "../test/support/process-tree.ts";
import { ask, inferPath } from "./echo-servers.ts";
import { measureLoad } from "./load/load.ts";
import { inferFrame } from "./messages.ts";
import { nodeCommand } from "./program.ts";
import { shippedNodeFlags, Workbench } from "./workbench.ts";

const rounds = Number(process.argv[2] ?? 5);
const seconds = Number(process.argv[3] ?? 1.5);

/** As it is, then each with what it costs. "again": how far two of the same differ. */
const modes = ["off", "off again", "0", "0.01", "1", "access-log"] as const;

const bench = await Workbench.open({ areas: [], quick: false, serveFlags: [], writeDocs: false });
// Takes what is sent, and looks at none of it.
const collector = http.createServer((request, response) => {
  request.resume().on("end", () => response.end());
});
try {
  collector.listen(0, "127.0.0.1");
  await once(collector, "listening");
  const { port: collectorPort } = collector.address() as AddressInfo;
  const request = inferFrame({ model: "echo", shape: [1, 256], form: "raw" });
  const bodyFile = await bench.put("request", request);
  const servers = await Promise.all(
    modes.map(async (mode) => {
      const isTraced = !Number.isNaN(Number(mode));
      const args = [mode.replace(" again", ""), ...(isTraced ? [`${collectorPort}`] : [])];
      const command = nodeCommand("bench/servers/modelport-traced.ts", args, shippedNodeFlags);
      return { mode, ...(await bench.start({ command, cores: bench.cores.server })) };
    }),
  );
  const ratios = new Map<string, number[]>(modes.map((mode) => [mode, []]));
  for (let round = 0; round <= rounds; round++) {
    let offUs = 0;
    for (const { mode, port, pid } of servers) {
      const answerBytes = (await ask(port, request)).byteLength;
      const beforeMs = await cpuMsOf(pid);
      const { answers } = await measureLoad({
        port,
        path: inferPath,
        bodyFiles: [bodyFile],
        streams: 64,
        answerBytes,
        warmUpSeconds: 0,
        seconds,
        cores: bench.cores.client,
        folder: bench.folder,
      });
      const cpuUs = (((await cpuMsOf(pid)) - beforeMs) * 1_000) / answers;
      if (mode === "off") offUs = cpuUs;
      bench.log(`${mode}: ${cpuUs.toFixed(1)} µs of CPU time a call, ${answers} calls`);
      // The first round warms up.
      if (round > 0) ratios.get(mode)?.push(cpuUs / offUs);
    }
  }
  for (const [mode, seen] of ratios) {
    const sorted = seen.toSorted((a, b) => a - b);
    const at = (share: number) => (sorted[Math.round(share * (sorted.length - 1))] ?? 0).toFixed(3);
    process.stdout.write(`${mode.padEnd(12)} ${at(0.5)} (${at(0)} to ${at(1)})\n`);
  }
} finally {
  collector.closeAllConnections();
  collector.close();
  await bench.close();
}
