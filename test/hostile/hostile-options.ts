import { parseArgs } from "node:util";

export interface HostileOptions {
  /** The attack ends when so many were sent. */
  readonly requests: number;
  /** Attackers at work at any time, each with a connection of its own. */
  readonly attackers: number;
  readonly seed: number;
}

/** Reads the command line. Throws Error with one line that says what is wrong. */
export function readHostileOptions(argv: readonly string[]): HostileOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      requests: { type: "string", default: "100000" },
      attackers: { type: "string", default: "24" },
      seed: { type: "string", default: String(process.pid) },
    },
    strict: true,
  });
  return {
    requests: integer("requests", values.requests, 1000),
    attackers: integer("attackers", values.attackers, 1),
    seed: integer("seed", values.seed, 0),
  };
}

function integer(name: string, text: string, min: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value >= min) return value;
  throw new Error(`--${name} is "${text}", expected an integer of at least ${min}`);
}
