// Whether engine hosts do better with another allocator than glibc's: memory while models are loaded and
// after their unload, and CPU time of inferences. `node bench/allocator.ts LIBRARY`, for example the path of
// libjemalloc.so.2. Prints one line per run; the two allocators take turns.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { LoadedModel } from "../src/engine/contract/engine.ts";
import { createEngine } from "../src/engine/create-engine.ts";
import { createLogger } from "../src/observe/log.ts";
import { mlp, weights } from "../test/support/models/layered-models.ts";
import { cpuMsOf, privateBytesOf } from "../test/support/processes/process-tree.ts";
import { placeOf } from "../test/support/servers/engine-fixture.ts";

const rounds = 3;
const cycles = 4;
const inferences = 4_000;
const inFlight = 16;
const settleMs = 1_500;
const MiB = 1024 * 1024;
/** Sizes of small models, which share hosts, in bytes; each as often as `copies`. */
const sizes = [MiB / 4, MiB, 4 * MiB];
const copies = 20;
const signal = new AbortController().signal;

const [library = "", options = ""] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), "modelport-allocator-"));
try {
  const files: string[] = [];
  for (const bytes of sizes) {
    const file = join(folder, `${bytes}.onnx`);
    await writeFile(file, weights({ bytes }));
    files.push(file);
  }
  const asked = join(folder, "asked.onnx");
  await writeFile(asked, mlp({ inputs: 64, hidden: 256, outputs: 16 }));
  for (let round = 0; round < rounds; round++) {
    for (const preload of ["", library]) {
      const figures = await measure(files, asked, preload);
      process.stdout.write(`${preload === "" ? "glibc" : preload}: ${figures}\n`);
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function measure(files: readonly string[], asked: string, preload: string): Promise<string> {
  const engine = createEngine({
    hosts: 1,
    dedicatedMinBytes: 64 * MiB,
    environment: preload === "" ? {} : { LD_PRELOAD: preload, MALLOC_CONF: options },
    log: createLogger("silent"),
  });
  const load = async (path: string) =>
    await engine.load(await engine.inspect(await engine.locate(placeOf(path))), {
      signal,
      isolated: false,
    });
  try {
    await engine.ready;
    const model = await load(asked);
    const hostMib = async () => {
      await sleep(settleMs);
      return (await privateBytesOf(model.hostPid)) / MiB;
    };
    const emptyMib = await hostMib();
    const loadedMib: number[] = [];
    const startMs = await cpuMsOf(model.hostPid);
    for (let cycle = 0; cycle < cycles; cycle++) {
      const loaded: LoadedModel[] = [];
      for (let copy = 0; copy < copies; copy++) {
        for (const file of files) loaded.push(await load(file));
      }
      loadedMib.push(await hostMib());
      for (const each of loaded) await each.unload();
    }
    const loadMs = ((await cpuMsOf(model.hostPid)) - startMs) / (cycles * copies * files.length);
    const leftMib = await hostMib();
    const beforeMs = await cpuMsOf(model.hostPid);
    const ask = async () => {
      for (let count = 0; count < inferences / inFlight; count++) await inferOnce(model);
    };
    await Promise.all(Array.from({ length: inFlight }, ask));
    const inferUs = (((await cpuMsOf(model.hostPid)) - beforeMs) * 1000) / inferences;
    return [
      `empty ${emptyMib.toFixed(1)} MiB`,
      `loaded ${loadedMib.map((mib) => mib.toFixed(0)).join(", ")} MiB`,
      `left ${(leftMib - emptyMib).toFixed(1)} MiB`,
      `load ${loadMs.toFixed(2)} ms of CPU`,
      `inference ${inferUs.toFixed(0)} us of CPU`,
    ].join("; ");
  } finally {
    await engine.close();
  }
}

async function inferOnce(model: LoadedModel): Promise<void> {
  const [input] = model.metadata.inputs;
  const [output] = model.metadata.outputs;
  if (input === undefined || output === undefined) throw new Error("a model without tensors");
  const shape = input.shape.map((size) => (size < 0 ? 1 : size));
  const elements = shape.reduce((product, size) => product * size, 1);
  const data = new Uint8Array(elements * Float32Array.BYTES_PER_ELEMENT);
  const inputs = [{ name: input.name, datatype: input.datatype, shape, data }];
  await model.infer({ inputs, outputs: [output.name] }, signal);
}
