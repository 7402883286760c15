/** What a stand-in for ModelMesh has seen, for a test to judge. */
export class MeshBooks {
  /** "method CODE" to the number of answers. */
  readonly answers = new Map<string, number>();
  /** Outcome of each poll at the start. */
  readonly polls: string[] = [];
  /** What no runtime may do, one line each. */
  readonly breaches: string[] = [];
  /** Models that the runtime did not know although it had loaded them and nobody had unloaded them. */
  readonly lost: string[] = [];
  /** Models that it evicted to make room, loads that it cancelled, unloads that it tried again. */
  evictions = 0;
  cancelledLoads = 0;
  unloadRetries = 0;
  /** Loads that the churn guard refused. */
  churnRefusals = 0;
  /** Unloads that were settled without a call, because the model was wanted again. */
  savedUnloads = 0;
  /** The last calls about each model, for people who look into a failure. */
  readonly #recent = new Map<string, string[]>();

  count(method: string, code: string): void {
    const key = `${method} ${code}`;
    this.answers.set(key, (this.answers.get(key) ?? 0) + 1);
  }

  countOf(method: string, code: string): number {
    return this.answers.get(`${method} ${code}`) ?? 0;
  }

  /** Every code that a method was answered with. */
  codesOf(method: string): string[] {
    return [...this.answers.keys()]
      .filter((key) => key.startsWith(`${method} `))
      .map((key) => key.slice(method.length + 1))
      .sort();
  }

  note(modelId: string, event: string): void {
    const events = this.#recent.get(modelId) ?? [];
    this.#recent.set(modelId, [...events.slice(-11), event]);
  }

  recent(modelId: string): string {
    return (this.#recent.get(modelId) ?? []).join(", ");
  }

  breach(what: string): void {
    this.breaches.push(what);
  }
}
