import type { PartInLoss } from "../../engine/contract/host-lost-error.ts";

/** Consecutive host deaths after which a model is given up: crashes that it caused, and all deaths while it
 *  ran. The second limit is higher, because other causes of death hit many hosts at once. */
const maxCrashes = 3;
const maxDeaths = 6;
const firstPauseMs = 100;
const maxPauseMs = 5_000;
/** How long a death counts for the pause before the next load. */
const recentMs = 60_000;
const firstBanMs = 10_000;
const maxBanMs = 60_000;
/** After this long without a fault, a model's record is cleared. */
const forgetAfterMs = 600_000;

/** The host deaths of one model, as far as the model caused them. Times are milliseconds of one monotonic
 *  clock. */
export class ModelFaults {
  /** Since the last successful inference. */
  #deaths = 0;
  #crashes = 0;
  /** It is known to have crashed or hung, and endangers others. */
  #isDangerous = false;
  /** The times of the latest deaths, oldest first. */
  #recent: number[] = [];
  #bans = 0;
  #bannedUntilMs = 0;
  #lastMs = 0;
  #lastReason = "";

  /** Whether it needs a host of its own. */
  get isIsolated(): boolean {
    return this.#isDangerous || this.#deaths > 1;
  }

  get lastReason(): string {
    return this.#lastReason;
  }

  note(part: PartInLoss, reason: string, nowMs: number): void {
    // A run's memory is for the engine layer to estimate.
    if (part === "bystander" || part === "crowded") return;
    this.#deaths++;
    this.#recent = [...this.#recent.filter((ms) => nowMs - ms < recentMs), nowMs];
    if (part === "caused") {
      this.#crashes++;
      this.#isDangerous = true;
    }
    this.#lastMs = nowMs;
    this.#lastReason = reason;
  }

  noteSuccess(): void {
    this.#deaths = 0;
    this.#crashes = 0;
    this.#bans = 0;
  }

  /** Whether to load it again, or to give it up for a while. */
  get isHopeless(): boolean {
    return this.#crashes >= maxCrashes || this.#deaths >= maxDeaths;
  }

  /** It must not be loaded until `bannedForMs` is 0. The next death bans it again, for longer. */
  ban(nowMs: number): void {
    this.#bannedUntilMs = nowMs + Math.min(maxBanMs, firstBanMs * 2 ** this.#bans);
    this.#bans++;
    this.#deaths = maxDeaths - 1;
    this.#crashes = maxCrashes - 1;
  }

  bannedForMs(nowMs: number): number {
    return Math.max(0, this.#bannedUntilMs - nowMs);
  }

  /** How long to wait before it is loaded again. */
  get pauseMs(): number {
    // The first death may have been an accident.
    const { length } = this.#recent;
    return length < 2 ? 0 : Math.min(maxPauseMs, firstPauseMs * 2 ** (length - 2));
  }

  isForgotten(nowMs: number): boolean {
    return nowMs - this.#lastMs > forgetAfterMs;
  }
}
