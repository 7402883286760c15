import type { CommandArguments } from "../command.ts";
import { usageError } from "../command-error.ts";
import { readFileOrStdin } from "./read-inputs.ts";

/** The texts of a command: its operands, of which `@FILE` is the text in a file and `@-` stdin, then the lines of the file
 *  that `--lines` names. Throws CommandError if there are none. */
export async function readTexts(
  operands: readonly string[],
  args: CommandArguments,
  stdin: NodeJS.ReadableStream,
): Promise<string[]> {
  const texts: string[] = [];
  for (const operand of operands) {
    const file = operand.startsWith("@") ? operand.slice(1) : undefined;
    const text = file === undefined ? operand : await readText(file, stdin, operand);
    texts.push(text);
  }
  const file = args.text("lines");
  if (file !== undefined) {
    const lines = (await readText(file, stdin, "--lines")).split(/\r?\n/);
    // What follows the last line's end is no line.
    if (lines.at(-1) === "") lines.pop();
    for (const line of lines) texts.push(line);
  }
  if (texts.length > 0) return texts;
  throw usageError(
    "there is no text",
    "give texts as operands, @FILE for a file, or --lines FILE for the lines of one (- is stdin)",
  );
}

async function readText(file: string, stdin: NodeJS.ReadableStream, what: string): Promise<string> {
  const bytes = await readFileOrStdin(file, stdin, what);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw usageError(`${what}: the text is not UTF-8`);
  }
}
