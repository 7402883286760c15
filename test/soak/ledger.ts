/** How one request ended. `code` is "OK", the name of a gRPC code, or "HTTP " and a status. */
export interface Answer {
  readonly code: string;
  readonly message?: string;
  /** What is wrong with the content of an answer that is OK otherwise. */
  readonly problem?: string | undefined;
}

export interface TrackedRequest {
  /** What is asked; latencies are told apart by it. */
  readonly kind: string;
  /** Who asks. */
  readonly client: string;
  /** Codes that are right. A function is asked after the answer, since other traffic may decide. */
  readonly expected: readonly string[] | (() => readonly string[]);
  /** Resolves with the answer. A rejection is a client that got none. */
  send(): Promise<Answer>;
}

export interface LatencySummary {
  readonly kind: string;
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A request that has no answer by then is lost. Far above every time limit of the server. */
const lostAfterMs = 60_000;
const maxDetails = 50;

/** Sees every request of the soak through to its end. */
export class Ledger {
  /** Client -> code -> number of answers. */
  readonly codes = new Map<string, Map<string, number>>();
  /** The first unexpected ones, in detail. */
  readonly details: string[] = [];
  /** Answers that were wrong by code or content. */
  unexpected = 0;
  /** Without an answer in time, or at all. */
  lost = 0;
  answered = 0;
  readonly #latenciesMs = new Map<string, number[]>();
  #open = 0;

  /** Sends a request and resolves with its answer, or with code "lost" or "no answer". */
  async track({ kind, client, expected, send }: TrackedRequest): Promise<Answer> {
    const startedMs = performance.now();
    this.#open++;
    let answer: Answer;
    try {
      answer = await withinLimit(send());
    } catch (error) {
      answer = { code: "no answer", message: error instanceof Error ? error.message : `${error}` };
    }
    this.#open--;
    const tookMs = performance.now() - startedMs;
    this.#count(client, answer.code);
    if (answer.code === "lost" || answer.code === "no answer") this.lost++;
    else this.answered++;
    this.#latencies(kind).push(tookMs);
    const right = typeof expected === "function" ? expected() : expected;
    const isRight = right.includes(answer.code) && answer.problem === undefined;
    if (!isRight) this.complain(`${kind} by ${client}: ${describe(answer)}, expected ${right}`);
    return answer;
  }

  complain(detail: string): void {
    this.unexpected++;
    if (this.details.length < maxDetails) {
      this.details.push(`${new Date().toISOString().slice(11, 23)} ${detail}`);
    }
  }

  /** Requests without an answer yet. */
  get open(): number {
    return this.#open;
  }

  summaries(): LatencySummary[] {
    return [...this.#latenciesMs.entries()].map(([kind, unsorted]) => {
      const sorted = Float64Array.from(unsorted).sort();
      const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0;
      return { kind, count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    });
  }

  #count(client: string, code: string): void {
    const counts = this.codes.get(client) ?? new Map<string, number>();
    this.codes.set(client, counts);
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  #latencies(kind: string): number[] {
    const known = this.#latenciesMs.get(kind) ?? [];
    this.#latenciesMs.set(kind, known);
    return known;
  }
}

async function withinLimit(answer: Promise<Answer>): Promise<Answer> {
  let watchdog: NodeJS.Timeout | undefined;
  const lost = new Promise<Answer>((resolve) => {
    watchdog = setTimeout(() => resolve({ code: "lost" }), lostAfterMs);
  });
  try {
    return await Promise.race([answer, lost]);
  } finally {
    clearTimeout(watchdog);
  }
}

function describe({ code, message = "", problem }: Answer): string {
  return [code, message, problem].filter((part) => part !== undefined && part !== "").join(": ");
}
