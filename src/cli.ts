import { printable } from "./base/errors.ts";
import { version } from "./base/version.ts";
import type { Terminal } from "./cli/command.ts";
import { CommandError, usageError } from "./cli/command-error.ts";
import { commandTable } from "./cli/command-table.ts";
import { completionScript } from "./cli/completion.ts";
import { exitCodes } from "./cli/exit-code.ts";
import { commandHelp, programHelp, serveHelp, serverCommandHelp } from "./cli/help.ts";
import { parseArguments } from "./cli/parse-arguments.ts";
import { serverCommands } from "./cli/server-commands.ts";
import { takeOptions } from "./cli/take-options.ts";
import { fileEnvironment } from "./config/file-environment.ts";

/** The program's surroundings, as `process` has them. */
export interface Surroundings {
  /** Without the names of Node and of the program. */
  readonly argv: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** Runs the command that the arguments name, and resolves with the exit code. `serve` resolves with undefined
 *  as soon as it serves: the process then ends by itself. */
export async function runProgram(surroundings: Surroundings): Promise<number | undefined> {
  const { argv, env, stdout, stderr } = surroundings;
  const [name = "help", ...rest] = argv;
  const wantsHelp = rest.includes("--help") || rest.includes("-h");
  if (name === "serve" && !wantsHelp) {
    // The server is large, and the other commands work without it.
    const { serve } = await import("./main.ts");
    // SageMaker starts every image with this argument, and ours has it already.
    await serve(rest[0] === "serve" ? rest.slice(1) : rest, env);
    return undefined;
  }
  try {
    const text = printedText(name, rest, wantsHelp);
    if (text !== undefined) {
      stdout.write(text);
      return exitCodes.ok;
    }
    return await runCommand(name, rest, surroundings);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    stderr.write(`modelport: ${printable(error.message)}\n`);
    if (error.advice !== "") stderr.write(`  ${error.advice}\n`);
    return error.exitCode;
  }
}

/** The text to print if there is no command to run. Throws CommandError. */
function printedText(
  name: string,
  rest: readonly string[],
  wantsHelp: boolean,
): string | undefined {
  if (name === "--version" || name === "-v") return `${version}\n`;
  if (["help", "--help", "-h"].includes(name)) {
    const [subject] = rest;
    return subject === undefined ? programHelp() : helpOn(subject);
  }
  if (wantsHelp) return helpOn(name);
  return name === "completion" ? completionScript(rest[0]) : undefined;
}

function helpOn(name: string): string {
  if (name === "serve") return serveHelp();
  const entry = serverCommand(name);
  return entry === undefined
    ? commandHelp(name, findCommand(name))
    : serverCommandHelp(name, entry);
}

function serverCommand(name: string) {
  return Object.hasOwn(serverCommands, name) ? serverCommands[name] : undefined;
}

function findCommand(name: string) {
  const entry = Object.hasOwn(commandTable, name) ? commandTable[name] : undefined;
  if (entry !== undefined) return entry;
  const known = [
    "serve",
    ...Object.keys(serverCommands),
    ...Object.keys(commandTable),
    ...["completion", "help"],
  ];
  throw usageError(`unknown command "${name}"`, `expected one of ${known.join(", ")}`);
}

async function runCommand(
  name: string,
  argv: readonly string[],
  { env, stdin, stdout, stderr }: Surroundings,
): Promise<number> {
  const reading = new AbortController();
  // A reader such as `head` may have read enough.
  stdout.on("error", () => reading.abort());
  const terminal: Terminal = { stdin, stdout, stderr, signal: reading.signal };
  const forServer = serverCommand(name);
  if (forServer !== undefined) {
    const { options } = forServer;
    const { taken, rest } = takeOptions(argv, options);
    const args = parseArguments(name, { operands: [], options }, { argv: taken, env });
    const { run } = await forServer.load();
    return await run({ args, flags: rest, env, terminal });
  }
  const entry = findCommand(name);
  const args = parseArguments(name, entry, { argv, env: await fileEnvironment(env) });
  const { run } = await entry.load();
  return await run(args, terminal);
}
