import { parseArgs } from "node:util";
import type { CommandArguments, CommandSpec, OperandSpec } from "./command.ts";
import { usageError } from "./command-error.ts";

/** Reads what follows the command's name. Throws CommandError for the first problem. */
export function parseArguments(
  name: string,
  { operands: operandSpecs, options: specs }: Pick<CommandSpec, "operands" | "options">,
  input: { readonly argv: readonly string[]; readonly env: NodeJS.ProcessEnv },
): CommandArguments {
  const advice = `see modelport ${name} --help`;
  const { values, positionals } = parse(specs, input.argv, advice);
  checkOperands(operandSpecs, positionals, advice);
  // An empty variable counts as unset: manifests often have them.
  const variable = (key: string) => input.env[key] || undefined;
  const text = (option: string) => {
    const spec = specs[option];
    const typed = values[option] as string | undefined;
    return typed ?? (spec?.env === undefined ? undefined : variable(spec.env)) ?? spec?.default;
  };
  for (const [option, { choices, env }] of Object.entries(specs)) {
    const value = text(option);
    if (choices === undefined || value === undefined || choices.includes(value)) continue;
    const where = values[option] === undefined ? env : `--${option}`;
    throw usageError(`${where} is "${value}", expected one of ${choices.join(", ")}`, advice);
  }
  return { operands: positionals, text, has: (option) => values[option] === true, variable };
}

function parse(specs: CommandSpec["options"], argv: readonly string[], advice: string) {
  const options = Object.fromEntries(
    Object.entries(specs).map(([option, { value, short }]) => [
      option,
      {
        type: value === undefined ? ("boolean" as const) : ("string" as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    throw usageError((error as Error).message, advice);
  }
}

function checkOperands(
  specs: readonly OperandSpec[],
  operands: readonly string[],
  advice: string,
): void {
  const missing = specs.find(({ isOptional }, index) => !isOptional && index >= operands.length);
  if (missing !== undefined) throw usageError(`${missing.name} is missing`, advice);
  const isOpen = specs.at(-1)?.isRepeated ?? false;
  if (operands.length > specs.length && !isOpen) {
    throw usageError(`unexpected argument "${operands[specs.length]}"`, advice);
  }
  for (const [index, { name, choices }] of specs.entries()) {
    const operand = operands[index];
    if (operand === undefined || choices === undefined || choices.includes(operand)) continue;
    throw usageError(`${name} is "${operand}", expected one of ${choices.join(", ")}`, advice);
  }
}

/** The option's value in milliseconds; users write seconds. Throws CommandError. */
export function readSeconds(args: CommandArguments, option: string): number | undefined {
  const text = args.text(option);
  if (text === undefined) return undefined;
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  // A timer cannot wait for more milliseconds than this.
  if (seconds > 0 && seconds * 1000 < 2 ** 31) return Math.ceil(seconds * 1000);
  throw usageError(`--${option} is "${text}", expected seconds above 0, like 30 or 0.5`);
}
