import { parseArgs } from "node:util";

export interface PressureOptions {
  /** For all ways together, without the waits for memory to come back. */
  readonly minutes: number;
  /** What the server is told that its container has. */
  readonly containerBytes: number;
  /** Names of the ways to drive, or parts of them; all if empty. */
  readonly only: readonly string[];
  /** How long the memory that a way took may take to be given back. */
  readonly returnSeconds: number;
  readonly seed: number;
}

const MiB = 1024 * 1024;

/** Reads the command line. Throws Error with one line that says what is wrong. */
export function readPressureOptions(argv: readonly string[]): PressureOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string", default: "20" },
      container: { type: "string", default: "1024" },
      only: { type: "string", multiple: true, default: [] },
      "return-seconds": { type: "string", default: "60" },
      seed: { type: "string", default: String(process.pid) },
    },
    strict: true,
  });
  return {
    minutes: number("minutes", values.minutes, 0.01),
    containerBytes: number("container", values.container, 128) * MiB,
    only: values.only,
    returnSeconds: number("return-seconds", values["return-seconds"], 0),
    seed: number("seed", values.seed, 0),
  };
}

function number(name: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value >= min) return value;
  throw new Error(`--${name} is "${text}", expected a number of at least ${min}`);
}
