import { Random } from "./mutate.ts";

/** Runs one case; `random` makes the same case again for the same seed. Resolves with whether the request
 *  was accepted; rejects if it was answered badly. */
export type FuzzCase = (random: Random) => Promise<boolean>;

export interface FuzzOutcomes {
  readonly accepted: number;
  readonly refused: number;
}

export interface FuzzRun {
  readonly kind: string;
  readonly seed: number;
  /** Number of the first case. */
  readonly first: number;
  readonly count: number;
  readonly inFlight: number;
  /** For one case; it catches hangs. */
  readonly limitMs: number;
}

/** Throws on what is not an integer from 0 to 2^31 - 1; without `text` (or with an empty one), picks any. */
export function fuzzSeed(text: string | undefined): number {
  if (!text) return Number(process.hrtime.bigint() % 2n ** 31n);
  const seed = Number(text);
  if (/^\d+$/.test(text) && seed < 2 ** 31) return seed;
  throw new Error(`MODELPORT_FUZZ_SEED must be an integer from 0 to ${2 ** 31 - 1}, got '${text}'`);
}

/** Runs the cases, `inFlight` at a time. Rejects with the first failure, which names seed and case, and
 *  begins none after it. */
export async function runFuzz(
  fuzzCase: FuzzCase,
  { kind, seed, first, count, inFlight, limitMs }: FuzzRun,
): Promise<FuzzOutcomes> {
  const outcomes = { accepted: 0, refused: 0 };
  let next = first;
  const end = first + count;
  const worker = async () => {
    while (next < end) {
      const index = next++;
      try {
        const accepted = await withinLimit(fuzzCase(new Random(seed + index * 7919)), limitMs);
        outcomes[accepted ? "accepted" : "refused"]++;
      } catch (cause) {
        next = end;
        const again = `MODELPORT_FUZZ_SEED=${seed}, case ${index}`;
        throw new Error(`${kind}, ${again}: ${cause}`, { cause });
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return outcomes;
}

async function withinLimit<Result>(running: Promise<Result>, limitMs: number): Promise<Result> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no end within ${limitMs} ms`)), limitMs);
  try {
    return await Promise.race([running, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
