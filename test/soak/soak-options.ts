import { parseArgs } from "node:util";

export interface SoakOptions {
  readonly minutes: number;
  /** Seconds between two kills of engine hosts; 0 is never. */
  readonly killHostEverySeconds: number;
  /** Repeats what every simulated user does, though not when. */
  readonly seed: number;
}

/** Reads the command line. Throws Error with one line that says what is wrong. */
export function readSoakOptions(argv: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string", default: "2" },
      "kill-host-every": { type: "string", default: "5" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
    },
    strict: true,
  });
  return {
    minutes: positive("minutes", values.minutes, 0.1),
    killHostEverySeconds: positive("kill-host-every", values["kill-host-every"], 0),
    seed: positive("seed", values.seed, 0),
  };
}

function positive(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= min) return value;
  throw new Error(`--${name} is "${text}", expected a number of at least ${min}`);
}
