import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import manifest from "../package.json" with { type: "json" };
import { type Cores, chooseCores } from "./cores.ts";
import { type LoadPlan, type MeasuredLoad, measureLoad } from "./load/load.ts";
import { Measurements } from "./measurements.ts";
import type { BenchOptions } from "./options.ts";
import {
  nodeCommand,
  type Program,
  runProgram,
  type ServerOptions,
  startProgram,
} from "./program.ts";

/** Flags of Node that the program is shipped with. */
export const shippedNodeFlags: readonly string[] = manifest.scripts.serve
  .split(" ")
  .filter((word) => word.startsWith("--"));

/** What an area works with: a temporary folder, processes that are ended for it, and the place for what
 *  it measures. */
export class Workbench {
  readonly measurements: Measurements = new Measurements();
  readonly cores: Cores = chooseCores();
  readonly options: BenchOptions;
  readonly folder: string;
  readonly #programs = new Set<Program>();
  readonly #startedMs = performance.now();

  private constructor(options: BenchOptions, folder: string) {
    this.options = options;
    this.folder = folder;
  }

  static async open(options: BenchOptions): Promise<Workbench> {
    return new Workbench(options, await mkdtemp(join(tmpdir(), "modelport-bench-")));
  }

  /** `full`, or `quick` in a quick run. */
  choose<T>({ full, quick }: { readonly full: T; readonly quick: T }): T {
    return this.options.quick ? quick : full;
  }

  /** How long load lasts that does not say so. */
  get seconds(): number {
    return this.choose({ full: 0.6, quick: 0.5 });
  }

  /** Tells of what is going on, with the seconds since the start. */
  log(text: string): void {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    process.stderr.write(`${seconds.toFixed(0).padStart(4)} s  ${text}\n`);
  }

  /** Writes a file into the temporary folder and resolves with its path. */
  async put(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(this.folder, name);
    await writeFile(path, bytes);
    return path;
  }

  async start(options: ServerOptions): Promise<Program> {
    const program = await startProgram(options);
    this.#programs.add(program);
    const stop = () => {
      this.#programs.delete(program);
      return program.stop();
    };
    return { ...program, stop };
  }

  /** Starts the real program, by default on any core: its hosts have to run as well. */
  startModelport(flags: readonly string[], cores?: string): Promise<Program> {
    const args = [
      ...["serve", "--port", "0", "--root-model-dir", this.folder, "--log-level", "info"],
      ...flags,
      ...this.options.serveFlags,
    ];
    const command = nodeCommand("src/modelport.js", args, shippedNodeFlags);
    return this.start({ command, cores });
  }

  /** Runs a limit on the servers' core. */
  runLimit(script: string, args: readonly string[]): Promise<unknown> {
    return this.runOther(nodeCommand(script, args));
  }

  /** Runs a program that prints JSON on the servers' core. */
  runOther(command: readonly [string, ...string[]]): Promise<unknown> {
    return runProgram({ command, cores: this.cores.server });
  }

  /** Makes load from the clients' core, for as long as this kind of run affords unless the plan says how
   *  long. */
  load(
    plan: Omit<LoadPlan, "cores" | "folder" | "seconds" | "warmUpSeconds"> &
      Partial<Pick<LoadPlan, "seconds">>,
  ): Promise<MeasuredLoad> {
    return measureLoad({
      // A server that was idle while others had their turn has cold caches.
      warmUpSeconds: 0.2,
      seconds: this.seconds,
      ...plan,
      cores: this.cores.client,
      folder: this.folder,
    });
  }

  /** Makes load that nobody measures, until V8 has compiled what it is going to compile: servers run for
   *  months, and their first seconds say little of them. A server that fails here fails again where it counts. */
  async warmUp(plan: Parameters<Workbench["load"]>[0]): Promise<void> {
    const seconds = this.choose({ full: 2, quick: 0.3 });
    const { cores, folder } = { cores: this.cores.client, folder: this.folder };
    await measureLoad({ ...plan, warmUpSeconds: 0.1, seconds, cores, folder }).catch(() => {});
  }

  /** Makes load and adds the rate and the median latency under `id`. A server that fails under it ends
   *  its own measurement, not those of the others. */
  async measure(id: string, plan: Parameters<Workbench["load"]>[0]): Promise<void> {
    this.log(id);
    try {
      const { perSecond, latency } = await this.load(plan);
      this.measurements.add(id, "/s", perSecond);
      this.measurements.add(`${id} p50`, "µs", latency.p50Us);
    } catch (error) {
      this.measurements.skip(id, (error as Error).message);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#programs].map((program) => program.stop()));
    await rm(this.folder, { recursive: true, force: true });
  }
}
