import type { status } from "@grpc/grpc-js";
import { forwardedMetadata } from "./forwarded-metadata.ts";
import { injectId } from "./id-injection.ts";
import { MeshBooks } from "./mesh-books.ts";
import { type MeshClock, scaledClock } from "./mesh-clock.ts";
import { type CacheEntry, ChurnRefusal, ModelCache } from "./model-cache.ts";
import { LoadFailure, type ModelInfo } from "./model-loads.ts";
import { pollRuntime } from "./poll-runtime.ts";
import { type CallLimits, RuntimeChannel } from "./runtime-channel.ts";
import type { RuntimeParameters } from "./runtime-parameters.ts";
import { WireWatch } from "./wire-watch.ts";

export interface ModelMeshOptions {
  /** Candidates, as targets of gRPC, in the order in which they are asked. */
  readonly targets: readonly string[];
  /** Times faster than the wall's clock; 1 by default. */
  readonly scale?: number;
  /** Whether inferences have a channel of their own, as with the storage helper in between. */
  readonly separateServing?: boolean;
  /** How long a model that failed to load is not tried again: MM_LOAD_FAILURE_EXPIRY_TIME_MS. */
  readonly failureExpiryMs?: number;
  /** The churn guard: -Dtas.min_churn_age_ms, 0 for none. By default what follows from the runtime's time limit
   *  for loads. */
  readonly minChurnAgeMs?: number;
}

export interface MeshRequest {
  /** "package.Service/Method". */
  readonly method: string;
  /** The message as it came, without the length in front. */
  readonly body: Buffer;
  /** Of the caller; one of mm-model-id and mm-vmodel-id says what is asked. */
  readonly headers: Readonly<Record<string, string>>;
}

/** How a call ended for a client of ModelMesh. */
export class MeshError extends Error {
  readonly code: keyof typeof status;
  constructor(code: keyof typeof status, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

const maxIterations = 8;

/** Ten times what ModelMesh takes a load to last before it has seen one. */
function churnAgeMs(loadTimeoutMs: number): number {
  return 10 * Math.max(3000, loadTimeoutMs / 3);
}

/** A stand-in for one ModelMesh process beside its runtime, seen from the runtime: what it sends, when, and
 *  how it takes the answers. It has no peers; what the real one would move elsewhere fails here. */
export class ModelMesh {
  readonly books: MeshBooks;
  readonly clock: MeshClock;
  readonly cache: ModelCache;
  readonly #watch: WireWatch;
  readonly #management: RuntimeChannel;
  readonly #serving: RuntimeChannel;
  readonly #parameters: RuntimeParameters;
  readonly #failureExpiryMs: number;
  readonly #registered = new Map<string, ModelInfo>();
  readonly #vmodels = new Map<string, string>();
  readonly #failures = new Map<string, { readonly untilMs: number; readonly failure: Error }>();

  private constructor(parts: {
    readonly books: MeshBooks;
    readonly clock: MeshClock;
    readonly watch: WireWatch;
    readonly management: RuntimeChannel;
    readonly serving: RuntimeChannel;
    readonly parameters: RuntimeParameters;
    readonly failureExpiryMs: number;
    readonly minChurnAgeMs: number;
  }) {
    this.books = parts.books;
    this.clock = parts.clock;
    this.#watch = parts.watch;
    this.#management = parts.management;
    this.#serving = parts.serving;
    this.#parameters = parts.parameters;
    this.#failureExpiryMs = parts.failureExpiryMs;
    this.cache = new ModelCache({ ...parts, channel: parts.management });
  }

  /** Polls the runtime until it is READY. Rejects where the real one would give up and end. */
  static async start(options: ModelMeshOptions): Promise<ModelMesh> {
    const books = new MeshBooks();
    const clock = scaledClock(options.scale ?? 1);
    const watch = new WireWatch(books);
    const channels = options.targets.map((target) => new RuntimeChannel(target, { clock, books }));
    try {
      const { channel, parameters } = await pollRuntime(channels, { clock, books });
      const target = options.targets[channels.indexOf(channel)] ?? "";
      const serving = options.separateServing
        ? new RuntimeChannel(target, { clock, books })
        : channel;
      const failureExpiryMs = options.failureExpiryMs ?? 15 * 60_000;
      const parts = { books, clock, watch, management: channel, serving, parameters };
      const minChurnAgeMs = options.minChurnAgeMs ?? churnAgeMs(parameters.loadTimeoutMs);
      return new ModelMesh({ ...parts, failureExpiryMs, minChurnAgeMs });
    } catch (reason) {
      for (const channel of channels) channel.close();
      watch.stop();
      throw reason;
    }
  }

  /** HTTP/2 connections opened so far. */
  get connections(): number {
    return this.#watch.connections;
  }

  get parameters(): RuntimeParameters {
    return this.#parameters;
  }

  /** Calls and tasks that are not over. */
  get openWork(): number {
    const channels = new Set([this.#management, this.#serving]);
    const calls = [...channels].reduce((sum, { openCalls }) => sum + openCalls, 0);
    return calls + this.cache.taskCount;
  }

  register(id: string, info: ModelInfo): void {
    this.#registered.set(id, info);
  }

  unregister(id: string): void {
    this.#registered.delete(id);
    this.#failures.delete(id);
    this.cache.remove(id);
  }

  /** Takes the copy of a model down that is not needed here any more; it stays registered. */
  scaleDown(id: string): void {
    this.cache.remove(id);
  }

  async ensureLoaded(id: string): Promise<CacheEntry> {
    const info = this.#registered.get(id);
    if (info === undefined) throw new MeshError("NOT_FOUND", `No such model as ${id}`);
    const failed = this.#failures.get(id);
    if (failed !== undefined && this.clock.nowMs() < failed.untilMs) throw failed.failure;
    this.#failures.delete(id);
    const entry = this.cache.entry(id, info);
    try {
      await entry.usable.promise;
    } catch (reason) {
      if (reason instanceof ChurnRefusal) throw new MeshError("INTERNAL", reason.message);
      // Evicted or taken away on its way in; that is nobody's failure.
      if (entry.state === "removed" || !(reason instanceof LoadFailure)) throw reason;
      const failure = new MeshError("INTERNAL", reason.message);
      const untilMs = this.clock.nowMs() + this.#failureExpiryMs;
      this.#failures.set(id, { untilMs, failure });
      throw failure;
    }
    return entry;
  }

  /** Points a virtual model at another concrete one, which is registered and loaded before the switch; the
   *  one before it is unregistered after it. */
  async setVModel(vmodelId: string, id: string, info: ModelInfo): Promise<void> {
    const old = this.#vmodels.get(vmodelId);
    this.register(id, info);
    await this.ensureLoaded(id);
    this.#vmodels.set(vmodelId, id);
    if (old !== undefined && old !== id) this.unregister(old);
  }

  /** A call of a client. Rejects with a MeshError. */
  async call({ method, body, headers }: MeshRequest, limits: CallLimits = {}): Promise<Buffer> {
    const path = this.#idPath(method);
    for (let iteration = 0; iteration < maxIterations; iteration++) {
      const id = this.#concreteId(headers);
      const entry = await this.#usable(id);
      if (entry === undefined) continue;
      entry.inFlight++;
      const forwarded = {
        method,
        body: injectId(body, path, id),
        metadata: forwardedMetadata(headers, id),
      };
      const answer = await this.#serving.forward(forwarded, limits);
      entry.inFlight--;
      if (answer.code === "OK") return answer.message;
      const { code, details } = answer;
      if (!this.#isUnknownModel(code, details)) throw this.#asClientsSee(method, code, details);
      if (entry.state === "active") this.books.lost.push(`${id}: ${this.books.recent(id)}`);
      this.cache.forget(entry, this.#serving === this.#management);
    }
    throw new MeshError("INTERNAL", `${maxIterations} retry iterations exhausted`);
  }

  /** The runtime stays; it hears of this process no more. */
  async shutdown(): Promise<void> {
    await this.cache.shutdown();
    this.#management.close();
    this.#serving.close();
    this.#watch.stop();
  }

  /** Undefined if the model left while it was waited for. */
  async #usable(id: string): Promise<CacheEntry | undefined> {
    const asked = await this.ensureLoaded(id).catch((reason: unknown) => {
      if (reason instanceof MeshError) throw reason;
      return undefined;
    });
    return asked?.state === "active" || asked?.state === "sizing" ? asked : undefined;
  }

  #concreteId(headers: MeshRequest["headers"]): string {
    const vmodelId = headers["mm-vmodel-id"];
    const id = vmodelId === undefined ? headers["mm-model-id"] : this.#vmodels.get(vmodelId);
    if (id === undefined) throw new MeshError("NOT_FOUND", "No such vmodel, or no model id");
    return id;
  }

  #idPath(method: string): readonly number[] {
    const { methods, allowAnyMethod } = this.#parameters;
    const path = methods?.get(method);
    if (path === undefined && methods !== undefined && !allowAnyMethod) {
      throw new MeshError("UNIMPLEMENTED", `Method not found or not permitted: ${method}`);
    }
    return path ?? [];
  }

  #isUnknownModel(code: keyof typeof status, details: string): boolean {
    if (code === "NOT_FOUND") return true;
    const triton =
      code === "UNAVAILABLE" &&
      /^Request for unknown model.*( is not found| has no available versions)$/s.test(details);
    const mlserver = code === "INVALID_ARGUMENT" && /^Model .* not found$/s.test(details);
    if (triton || mlserver) this.books.breach(`${code} "${details}" reads as an unknown model`);
    return triton || mlserver;
  }

  #asClientsSee(method: string, code: keyof typeof status, details: string): MeshError {
    if (code !== "UNAVAILABLE") return new MeshError(code, `${method}: ${code}: ${details}`);
    return new MeshError("INTERNAL", `ModelRuntime UNAVAILABLE: ${details}`);
  }
}
