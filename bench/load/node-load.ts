// Makes load for node-client.ts. The argument is a LoadPlan as JSON; prints a LoadResult.
import { readFileSync } from "node:fs";
import { GrpcConnection } from "./grpc-connection.ts";
import type { LoadPlan } from "./load.ts";
import { resultOf } from "./load-result.ts";

const plan = JSON.parse(process.argv[2] ?? "{}") as LoadPlan;
const bodies = plan.bodyFiles.map((file) => readFileSync(file));
const connection = await GrpcConnection.open(plan.port);
const startMs = performance.now() + plan.warmUpSeconds * 1000;
const endMs = startMs + plan.seconds * 1000;
const latenciesUs: number[] = [];
let calls = 0;

async function callUntilTheEnd(): Promise<void> {
  for (let beganMs = performance.now(); beganMs < endMs; ) {
    const answer = await connection.send({
      path: plan.path,
      frame: bodies[calls++ % bodies.length] as Buffer,
      metadata: plan.metadata,
    });
    if (answer.byteLength < plan.answerBytes) {
      throw new Error(`an answer of ${answer.byteLength} bytes, not ${plan.answerBytes}`);
    }
    const nowMs = performance.now();
    if (nowMs >= startMs && nowMs < endMs) latenciesUs.push((nowMs - beganMs) * 1000);
    beganMs = nowMs;
  }
}

await Promise.all(Array.from({ length: plan.streams }, callUntilTheEnd));
connection.close();
const result = resultOf(latenciesUs, latenciesUs.length / plan.seconds);
process.stdout.write(JSON.stringify(result));
