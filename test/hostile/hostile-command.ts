// `npm run hostile -- --requests N [--attackers A] [--seed S]`: attacks the program with real engine hosts, beside
// a well-behaved client, and judges what it came to. Ends with code 1 if the verdict is bad.

import { readHostileOptions } from "./hostile-options.ts";
import { runHostile } from "./run-hostile.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);
const options = readHostileOptions(process.argv.slice(2));
say(`hostile: ${JSON.stringify(options)}`);
const { text, faults } = await runHostile(options, say);
say(text);
process.exitCode = faults.length === 0 ? 0 : 1;
