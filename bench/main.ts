import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { measureInference } from "./areas/inference.ts";
import { measureLifecycle } from "./areas/lifecycle.ts";
import { measurePayloadLog } from "./areas/payload-log.ts";
import { measurePeers } from "./areas/peers.ts";
import { measureRpc } from "./areas/rpc.ts";
import { measureScaling } from "./areas/scaling.ts";
import { measureText } from "./areas/text.ts";
import { measureTrees } from "./areas/trees.ts";
import { readCpuTicks, shareOfOthers } from "./cpu-use.ts";
import { replaceSection } from "./docs-section.ts";
import { readMachineFacts } from "./machine.ts";
import { type AreaName, type BenchOptions, readOptions, usage } from "./options.ts";
import type { Results } from "./results.ts";
import { renderResults } from "./table.ts";
import { Workbench } from "./workbench.ts";

const areas: Record<AreaName, (bench: Workbench) => Promise<void>> = {
  rpc: measureRpc,
  inference: measureInference,
  lifecycle: measureLifecycle,
  scaling: measureScaling,
  peers: measurePeers,
  trees: measureTrees,
  text: measureText,
  "payload-log": measurePayloadLog,
};

const resultsFolder = fileURLToPath(new URL("results/", import.meta.url));
const performancePage = fileURLToPath(new URL("../docs/performance.md", import.meta.url));

const options = readOptionsOrExplain();
if (options !== undefined) await run(options);

function readOptionsOrExplain(): BenchOptions | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 1;
    return undefined;
  }
}

async function run(options: BenchOptions): Promise<void> {
  const startedMs = performance.now();
  const bench = await Workbench.open(options);
  const interrupted = () => void bench.close().then(() => process.exit(130));
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  const machine = readMachineFacts(bench.cores);
  const cpuBefore = readCpuTicks();
  const { measurements } = bench;
  for (const area of options.areas) {
    try {
      await areas[area](bench);
    } catch (error) {
      // The figures of the other areas hold all the same.
      bench.log((error as Error).stack ?? String(error));
      measurements.skip(`the rest of ${area}`, (error as Error).message);
      process.exitCode = 1;
    }
  }
  await bench.close();
  const cpuAfter = readCpuTicks();
  await report({
    machine,
    options,
    ...(cpuBefore === undefined || cpuAfter === undefined
      ? {}
      : { othersCpuShare: shareOfOthers(cpuBefore, cpuAfter) }),
    seconds: Math.round((performance.now() - startedMs) / 1000),
    measurements: measurements.all(),
    skipped: measurements.skipped,
  });
}

async function report(results: Results): Promise<void> {
  const text = renderResults(results);
  process.stdout.write(`${text}\n`);
  const json = `${JSON.stringify(results, undefined, 2)}\n`;
  const stamp = results.machine.date.slice(0, 19).replaceAll(":", "-");
  await mkdir(resultsFolder, { recursive: true });
  await writeFile(join(resultsFolder, `${stamp}.json`), json);
  if (!results.options.writeDocs) return;
  await writeFile(join(resultsFolder, "published.json"), json);
  await writeFile(performancePage, replaceSection(await readFile(performancePage, "utf8"), text));
}
