// `npm run pressure -- [--minutes N] [--container MIB] [--only WAY]... [--seed S]`: starts the program with a small
// container and drives it with one way to use memory after the other. Ends with code 1 if the verdict is bad.

import { readPressureOptions } from "./pressure-options.ts";
import { runPressure } from "./run-pressure.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);
const options = readPressureOptions(process.argv.slice(2));
say(`pressure: ${JSON.stringify(options)}`);
const { text, faults } = await runPressure(options, say);
say(text);
process.exitCode = faults.length === 0 ? 0 : 1;
