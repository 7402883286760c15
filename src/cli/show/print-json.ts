import type { Terminal } from "../command.ts";

/** On several lines where a person reads it, else on one. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${JSON.stringify(value, undefined, stdout.isTTY ? 2 : undefined)}\n`);
}
