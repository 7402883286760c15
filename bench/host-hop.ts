// `node bench/host-hop.ts [rounds]`: how long 1 KiB takes from one Node process to another and back, over the
// kind of socket that engine hosts have, with no computation at all. No inference in a host can be faster.
// docs/performance.md quotes it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { quantile } from "./measurements.ts";

const messageBytes = 1024;
const self = fileURLToPath(import.meta.url);

if (process.argv[2] === "echo") {
  const socket = new Socket({ fd: 3 });
  socket.on("data", (chunk) => socket.write(chunk));
} else {
  await measure(Number(process.argv[2] ?? 10_000));
}

async function measure(rounds: number): Promise<void> {
  const child = spawn(process.execPath, [self, "echo"], {
    stdio: ["ignore", "ignore", "inherit", "pipe"],
  });
  const socket = child.stdio[3] as Duplex;
  const message = Buffer.alloc(messageBytes);
  const tookUs: number[] = [];
  // The same number of rounds before them do not count.
  for (let round = 0; round < 2 * rounds; round++) {
    const startMs = performance.now();
    socket.write(message);
    let receivedBytes = 0;
    while (receivedBytes < messageBytes) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      receivedBytes += chunk.length;
    }
    if (round >= rounds) tookUs.push((performance.now() - startMs) * 1000);
    // One at a time, with a pause in which both processes fall asleep: as with one call in flight.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  child.kill();
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(tookUs, share).toFixed(0));
  process.stdout.write(
    `1 KiB there and back: ${p50} µs at the median, ${p99} µs at the 99th percentile\n`,
  );
}
