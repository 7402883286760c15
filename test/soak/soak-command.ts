// `npm run soak -- --minutes N [--kill-host-every SECONDS] [--seed S]`: runs the program under every kind
// of traffic and judges it. Ends with code 1 if the verdict is bad.

import { runSoak } from "./run-soak.ts";
import { readSoakOptions } from "./soak-options.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);
const options = readSoakOptions(process.argv.slice(2));
say(`soak: ${JSON.stringify(options)}`);
const { text, faults } = await runSoak(options, say);
say(text);
process.exitCode = faults.length === 0 ? 0 : 1;
