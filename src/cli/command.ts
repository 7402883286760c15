import type { ExitCode } from "./exit-code.ts";

/** One `--option` of a command. */
export interface OptionSpec {
  readonly doc: string;
  /** The placeholder for the value in help, such as FILE. Absent: the option is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** The environment variable that sets the same option. */
  readonly env?: string;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Whether shells complete the value with file names. */
  readonly isFile?: true;
}

export interface OperandSpec {
  readonly name: string;
  readonly isOptional?: true;
  /** Only for the last operand. */
  readonly isRepeated?: true;
  readonly choices?: readonly string[];
  /** Whether shells complete it with names from the runtime. */
  readonly isModel?: true;
}

/** What help, completion and the parser know about a command without importing its code. */
export interface CommandSpec {
  readonly summary: string;
  readonly operands: readonly OperandSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** `modelport …` command lines that work as written, if such models exist. */
  readonly examples: readonly string[];
}

/** What the user typed after the command's name, checked against its spec. */
export interface CommandArguments {
  readonly operands: readonly string[];
  /** The option's value: as typed, from its variable, or the default. */
  text(option: string): string | undefined;
  /** Whether a switch is on. */
  has(option: string): boolean;
  /** Variables that are set and not empty. */
  variable(name: string): string | undefined;
}

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

/** Where a command reads its input and writes its output. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Aborts when the reader of the output is gone. */
  readonly signal: AbortSignal;
}

/** Throws CommandError, or the error of a failed call. */
export type RunCommand = (args: CommandArguments, terminal: Terminal) => Promise<ExitCode>;

/** What a command receives if it inspects this machine the way `serve` would find it. */
export interface ServerCommandInput {
  /** Its own options. */
  readonly args: CommandArguments;
  /** The rest: flags of `serve`, not checked yet. */
  readonly flags: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly terminal: Terminal;
}
