import { Random } from "../attacks/mutate.ts";
import { junk } from "../models/failing-models.ts";
import { addConstant } from "../models/simple-models.ts";
import { measureTree } from "../processes/process-tree.ts";
import { waitFor } from "../wait-for.ts";
import { isGivenUp } from "./churn.ts";
import type { MeshBooks } from "./mesh-books.ts";
import { type MeshClock, scaledClock } from "./mesh-clock.ts";
import type { MeshedRuntime } from "./meshed-runtime.ts";
import { MeshError } from "./model-mesh.ts";

const minuteMs = 60_000;
const modelCount = 200;
const userCount = 6;
/** After a restart gRPC may wait for two and a half minutes before it connects again, and ModelMesh remembers for
 *  a minute that a load failed meanwhile; the rest is for busy machines, whose time this is not. */
const recoveryMs = 10 * minuteMs;

/** Users of many models in little memory, with everything happening beside them that happens in a cluster.
 *  Times are ModelMesh's own. */
export class HourOfTraffic {
  /** Answers that nobody should get, one line each. */
  readonly unexpected: string[] = [];
  answered = 0;
  /** Calls that found no runtime while it was started again. */
  refused = 0;
  /** Calls whose model was evicted for others, again and again, before they came to use it, or whose load was
   *  cancelled. */
  crowdedOut = 0;
  /** Of every ModelMesh that there was, the last one included. */
  readonly books: MeshBooks[] = [];
  readonly #pod: MeshedRuntime;
  readonly #random: Random;
  /** Model id to what it adds. */
  readonly #amounts = new Map<string, number>();
  /** Models that a runtime took with it, as often as one did. */
  readonly #taken: string[] = [];
  readonly #clock: MeshClock;
  #version = 0;
  #isAway = false;
  #recoveredMs = 0;

  constructor(pod: MeshedRuntime, seed: number) {
    this.#pod = pod;
    this.#random = new Random(seed);
    this.#clock = scaledClock(pod.mesh.clock.scale);
    this.books.push(pod.mesh.books);
  }

  /** Models that the runtime did not know, less those that it could not know any more. */
  get lost(): string[] {
    const taken = [...this.#taken];
    return this.books
      .flatMap(({ lost }) => lost)
      .filter((line) => {
        const at = taken.findIndex((id) => line.startsWith(`${id}: `));
        if (at >= 0) taken.splice(at, 1);
        return at < 0;
      });
  }

  /** Goes on for `durationMs`, and until `leastAnswered` calls were answered. */
  async run(options: { readonly durationMs: number; readonly leastAnswered: number }) {
    const { durationMs, leastAnswered } = options;
    for (let at = 0; at < modelCount; at++) await this.#addModel(`model-${at}`, at);
    await this.#updateVModel();
    const isOver = () => this.#clock.nowMs() >= durationMs && this.answered >= leastAnswered;
    const users = Array.from({ length: userCount }, () => this.#use(isOver));
    await Promise.all([...users, this.#disturb(isOver), this.#disturbGreatly()]);
    // What a restart took is missed when it is asked for, and not before.
    for (const { id } of this.#pod.mesh.cache.entries) await this.#pod.askFor(id).catch(() => {});
  }

  async #addModel(id: string, amount: number): Promise<void> {
    const info = await this.#pod.write(`${id}@${amount}`, addConstant(amount));
    this.#amounts.set(id, amount);
    this.#pod.mesh.register(id, info);
  }

  async #use(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      if (!this.#isAway) await this.#ask(`model-${this.#someModel()}`);
      await this.#clock.delay(this.#random.below(2000));
    }
  }

  /** Few models get most of the requests. */
  #someModel(): number {
    return Math.floor(modelCount * (this.#random.below(1000) / 1000) ** 2);
  }

  async #ask(id: string): Promise<void> {
    const { mesh } = this.#pod;
    const right = (this.#amounts.get(id) ?? Number.NaN) + 1;
    try {
      const answer = (await this.#pod.askFor(id)) ?? Number.NaN;
      if (answer === right) this.answered++;
      else this.unexpected.push(`${id} answered ${answer}, expected ${right}`);
    } catch (reason) {
      if (this.#isExcused(reason, mesh)) this.refused++;
      else if (isGivenUp(reason)) this.crowdedOut++;
      else this.unexpected.push(`${id}: ${reason}: ${mesh.books.recent(id)}`);
      await this.#clock.delay(1000);
    }
  }

  /** Whether one of the two was not there. `mesh` is the one that was asked. */
  #isExcused(reason: unknown, mesh: object): boolean {
    if (this.#isAway || mesh !== this.#pod.mesh) return true;
    if (this.#clock.nowMs() > this.#recoveredMs) return false;
    return reason instanceof Error && reason.message.includes("UNAVAILABLE");
  }

  /** One small thing each minute, or as fast as they can be done. */
  async #disturb(isOver: () => boolean): Promise<void> {
    const usual = [
      () => this.#replace(),
      () => this.#scaleDown(),
      () => this.#updateVModel(),
      () => this.#giveUpLoads(),
      () => this.#storm(),
      () => this.#askForJunk(),
    ];
    for (let minute = 1; !isOver(); minute++) {
      const waitMs = minute * minuteMs - this.#clock.nowMs();
      if (waitMs > 0) await this.#clock.delay(waitMs);
      await usual[minute % usual.length]?.();
    }
  }

  /** Every twelve minutes something that everybody feels. */
  async #disturbGreatly(): Promise<void> {
    const great = [
      () => this.#restartRuntime("SIGKILL"),
      () => this.#restartMesh(),
      () => this.#restartRuntime("SIGTERM"),
      () => this.#killHost(),
    ];
    for (const [index, disturb] of great.entries()) {
      const waitMs = (index + 1) * 12 * minuteMs - this.#clock.nowMs();
      if (waitMs > 0) await this.#clock.delay(waitMs);
      await disturb();
    }
  }

  /** One id with another file. ModelMesh would keep the old one if it were wanted again too soon. */
  async #replace(): Promise<void> {
    const id = "replaced";
    await this.#addModel(id, ++this.#version);
    await this.#ask(id);
    this.#pod.mesh.unregister(id);
    this.#amounts.delete(id);
    const isGone = () => !this.#pod.mesh.cache.loads.trackedIds.includes(id);
    await waitFor(isGone, 60_000);
    await this.#addModel(id, ++this.#version);
    await this.#ask(id);
    this.#pod.mesh.unregister(id);
    this.#amounts.delete(id);
    await waitFor(isGone, 60_000);
  }

  async #scaleDown(): Promise<void> {
    for (let count = 0; count < 5; count++) this.#pod.mesh.scaleDown(`model-${this.#someModel()}`);
  }

  async #updateVModel(): Promise<void> {
    const version = ++this.#version;
    const id = `v-${version}`;
    const info = await this.#pod.write(id, addConstant(version));
    const { mesh } = this.#pod;
    try {
      await mesh.setVModel("v", id, info);
      const answer = await this.#pod.ask({ "mm-vmodel-id": "v" });
      if (answer !== version + 1) this.unexpected.push(`v answered ${answer} as ${id}`);
    } catch (reason) {
      if (isGivenUp(reason)) this.crowdedOut++;
      else if (!this.#isExcused(reason, mesh)) this.unexpected.push(`${id}: ${reason}`);
    }
  }

  async #giveUpLoads(): Promise<void> {
    for (let round = 0; round < 5; round++) {
      const id = `brief-${++this.#version}`;
      await this.#addModel(id, 1);
      this.#pod.mesh.ensureLoaded(id).catch(() => {});
      await this.#clock.delay(this.#random.below(2500));
      this.#pod.mesh.unregister(id);
      this.#amounts.delete(id);
    }
  }

  async #storm(): Promise<void> {
    // More at once, and ModelMesh evicts what it has not even loaded.
    const ids = Array.from({ length: 10 }, () => `model-${this.#random.below(modelCount)}`);
    await Promise.all(ids.map((id) => this.#ask(id)));
  }

  async #askForJunk(): Promise<void> {
    const id = `junk-${++this.#version}`;
    const { mesh } = this.#pod;
    mesh.register(id, await this.#pod.write(id, junk(3000)));
    const outcome = await mesh.ensureLoaded(id).catch((reason: unknown) => reason);
    const isRefused = outcome instanceof MeshError && /INVALID_ARGUMENT/.test(outcome.message);
    if (isGivenUp(outcome)) this.crowdedOut++;
    else if (!isRefused && !this.#isExcused(outcome, mesh))
      this.unexpected.push(`${id}: ${outcome}`);
    mesh.unregister(id);
  }

  async #restartRuntime(signal: NodeJS.Signals): Promise<void> {
    this.#isAway = true;
    // Loads that are about to succeed count as well.
    this.#taken.push(...this.#pod.mesh.cache.entries.map(({ id }) => id));
    await this.#pod.restartRuntime(signal);
    this.#recoveredMs = this.#clock.nowMs() + recoveryMs;
    this.#isAway = false;
  }

  async #restartMesh(): Promise<void> {
    this.#isAway = true;
    const registered = [...this.#amounts];
    await this.#pod.restartMesh();
    this.books.push(this.#pod.mesh.books);
    for (const [id, amount] of registered) await this.#addModel(id, amount);
    this.#isAway = false;
  }

  /** One of the processes that models live in. */
  async #killHost(): Promise<void> {
    const { pid } = this.#pod.served;
    const hosts = (await measureTree(pid)).pids.filter((each) => each !== pid);
    const [host] = hosts;
    if (host !== undefined) process.kill(host, "SIGKILL");
  }
}
