import { parseArgs } from "node:util";
import { settings } from "../config/settings.ts";
import type { OptionSpec } from "./command.ts";

/** Separates the command's own options from the rest, which are flags of the server. */
export function takeOptions(
  argv: readonly string[],
  specs: Readonly<Record<string, OptionSpec>>,
): { readonly taken: string[]; readonly rest: string[] } {
  const options: Record<string, { type: "string"; short?: string }> = {};
  // Keeps the value of a flag from being read as an option.
  for (const name of Object.keys(settings)) options[name] = { type: "string" };
  for (const [name, { short }] of Object.entries(specs)) {
    options[name] = { type: "string", ...(short === undefined ? {} : { short }) };
  }
  const parsed = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const indexes = new Set<number>();
  for (const token of parsed.tokens) {
    if (token.kind !== "option" || !Object.hasOwn(specs, token.name)) continue;
    indexes.add(token.index);
    if (token.value !== undefined && !token.inlineValue) indexes.add(token.index + 1);
  }
  return {
    taken: argv.filter((_, index) => indexes.has(index)),
    rest: argv.filter((_, index) => !indexes.has(index)),
  };
}
