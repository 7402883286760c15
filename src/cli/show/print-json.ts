import type { Terminal } from "../command.ts";

/** Indented on a terminal, otherwise on one line. */
export function printJson({ stdout }: Terminal, value: unknown): void {
  stdout.write(`${JSON.stringify(value, undefined, stdout.isTTY ? 2 : undefined)}\n`);
}
