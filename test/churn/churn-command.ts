// `npm run churn -- --minutes N [--seed S]`: more models than fit beside the stand-in for ModelMesh, from 20 kB
// to 50 MB in one shared host, and a verdict. Ends with code 1 if it is bad.

import { parseArgs } from "node:util";
import { runChurn } from "../support/model-mesh/start-churn.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
  strict: true,
});
const say = (line: string) => void process.stdout.write(`${line}\n`);
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0 && Number.isSafeInteger(seed))) {
  throw new Error("--minutes must be a number above 0, and --seed an integer");
}
say(`churn: ${minutes} minutes, seed ${seed}`);
const { faults, ...counts } = await runChurn({ durationMs: minutes * 60_000, seed, scale: 1 });
say(JSON.stringify(counts));
for (const fault of faults.slice(0, 50)) say(fault);
say(faults.length === 0 ? "verdict: sound" : `verdict: ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
