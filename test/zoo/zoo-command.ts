// `npm run zoo`: has every model that we can lay our hands on made, served, asked, and compared with ONNX Runtime's
// own binding for Python. Ends with code 1 if an answer differs or a refusal is not explained.

import { makeZoo } from "./make-zoo.ts";
import { runZoo } from "./run-zoo.ts";
import { writeSample } from "./sample/write-sample.ts";
import { readZooOptions, usage, type ZooOptions } from "./zoo-options.ts";
import { writeZooPage } from "./zoo-page.ts";
import { reportZoo } from "./zoo-report.ts";

const say = (line: string) => void process.stdout.write(`${line}\n`);

async function main(options: ZooOptions): Promise<void> {
  const { kinds, concurrency, work } = options;
  if (!options.reuse) await makeZoo(options);
  const tried = await runZoo(work, { kinds, concurrency, only: new RegExp(options.only), say });
  const { text, faults } = reportZoo(tried);
  say(text);
  for (const fault of faults) say(`FAULT ${fault}`);
  say(faults.length === 0 ? "the zoo holds" : `${faults.length} faults`);
  if (options.write && faults.length === 0) await writeZooPage(text);
  if (options.writeSample) say(await writeSample(work, tried));
  process.exitCode = faults.length === 0 ? 0 : 1;
}

let options: ZooOptions;
try {
  options = readZooOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  process.exit(2);
}
await main(options);
