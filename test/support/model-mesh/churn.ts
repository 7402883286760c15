import { Random } from "../attacks/mutate.ts";
import { Scrape } from "../clients/prometheus-text.ts";
import { addsWithWeights } from "../models/simple-models.ts";
import type { MeshedRuntime } from "./meshed-runtime.ts";
import { cancelledLoad, LoadFailure } from "./model-loads.ts";
import { MeshError } from "./model-mesh.ts";

export interface ChurnOptions {
  readonly seed: number;
  readonly models: number;
  /** Sizes of the models' weights are spread evenly by their logarithm between the two. */
  readonly smallestBytes: number;
  readonly largestBytes: number;
  /** Callers that each ask for one model after the other. */
  readonly callers: number;
}

/** What came of the calls, one line for each that is wrong. */
export interface ChurnReport {
  readonly answered: number;
  readonly evictions: number;
  readonly cancelledLoads: number;
  /** Calls that ModelMesh itself gave up: it evicted the model on its way in, or handed out a cancelled load. */
  readonly givenUp: number;
  /** Loads that found no memory: ModelMesh waits half a second for a prediction, and then counts the default. */
  readonly refused: number;
  readonly faults: readonly string[];
}

/** Of the answers. With one figure for what is said and what is reserved there are none but on a busy machine. */
const mostRefusedShare = 0.02;
const endsNobodyWanted = ["killed", "crashed"];

/** More models than fit, of very different sizes, wanted all the time: what ModelMesh evicts is unloaded
 *  beside the next load. Now and then a model is taken away while it loads, and comes back. */
export class Churn {
  readonly #pod: MeshedRuntime;
  readonly #options: ChurnOptions;
  readonly #random: Random;
  readonly #faults: string[] = [];
  #answered = 0;
  #givenUp = 0;
  #refused = 0;

  constructor(pod: MeshedRuntime, options: ChurnOptions) {
    this.#pod = pod;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(isOver: () => boolean): Promise<ChurnReport> {
    const { models, smallestBytes, largestBytes, callers } = this.#options;
    for (let at = 0; at < models; at++) {
      const share = at / Math.max(1, models - 1);
      const bytes = Math.round(smallestBytes * (largestBytes / smallestBytes) ** share);
      const info = await this.#pod.write(`m-${at}`, addsWithWeights(at, bytes));
      this.#pod.mesh.register(`m-${at}`, info);
    }
    const ask = async () => {
      while (!isOver()) await this.#ask(this.#random.below(models));
    };
    const takeAway = async () => {
      while (!isOver()) await this.#takeAway();
    };
    await Promise.all([...Array.from({ length: callers }, ask), takeAway()]);
    this.#faults.push(...this.#pod.mesh.books.lost.map((line) => `lost: ${line}`));
    this.#faults.push(...(await this.#pod.contradictions()));
    this.#faults.push(...(await endedHosts(this.#pod.served.port)));
    const { evictions, cancelledLoads } = this.#pod.mesh.books;
    const answered = this.#answered;
    const [givenUp, refused, faults] = [this.#givenUp, this.#refused, this.#faults];
    if (refused > mostRefusedShare * answered) faults.push(`${refused} loads found no memory`);
    return { answered, evictions, cancelledLoads, givenUp, refused, faults };
  }

  async #ask(at: number): Promise<void> {
    try {
      const answer = await this.#pod.askFor(`m-${at}`);
      if (answer === at + 1) this.#answered++;
      else this.#faults.push(`m-${at} answered ${answer}, expected ${at + 1}`);
    } catch (reason) {
      if (isGivenUp(reason)) this.#givenUp++;
      else if (isFull(reason)) this.#refused++;
      else this.#faults.push(`m-${at}: ${reason}: ${this.#pod.mesh.books.recent(`m-${at}`)}`);
    }
  }

  /** As a second ModelMesh would that wants the model elsewhere: often in the middle of its load. */
  async #takeAway(): Promise<void> {
    const { mesh } = this.#pod;
    const loading = mesh.cache.entries.filter(({ state }) => state === "loading");
    const victim = loading[this.#random.below(Math.max(1, loading.length))];
    if (victim !== undefined) mesh.scaleDown(victim.id);
    await mesh.clock.delay(1000 + this.#random.below(4000));
  }
}

/** One line for each host that ended although nobody wanted it to. */
async function endedHosts(port: number): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`);
  const scrape = new Scrape(await answer.text());
  return endsNobodyWanted.flatMap((reason) => {
    const count = scrape.value("modelport_host_ends_total", { reason });
    return count === 0 ? [] : [`${count} hosts ended: ${reason}`];
  });
}

function isFull(reason: unknown): boolean {
  return reason instanceof MeshError && reason.message.includes("RESOURCE_EXHAUSTED");
}

/** Whether ModelMesh is at fault, as the real one is: it evicts models that it has not even loaded where more
 *  are wanted at once than fit, and hands a cancelled load to the next caller. */
export function isGivenUp(reason: unknown): boolean {
  if (reason instanceof LoadFailure) return reason.message.endsWith("was evicted");
  if (!(reason instanceof MeshError)) return false;
  return (
    reason.message.endsWith("retry iterations exhausted") || reason.message.endsWith(cancelledLoad)
  );
}
