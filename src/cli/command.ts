import type { ExitCode } from "./exit-code.ts";

/** One `--option` of a command. */
export interface OptionSpec {
  readonly doc: string;
  /** What stands for the value in help, like FILE. Left out: the option is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** The variable that sets the same. */
  readonly env?: string;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** Whether shells complete its value by names of files. */
  readonly isFile?: true;
}

export interface OperandSpec {
  readonly name: string;
  readonly isOptional?: true;
  /** Only of the last. */
  readonly isRepeated?: true;
  readonly choices?: readonly string[];
  /** Whether shells complete it by what the runtime has. */
  readonly isModel?: true;
}

/** What help, completion and the parser know of a command without its code. */
export interface CommandSpec {
  readonly summary: string;
  readonly operands: readonly OperandSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  /** Lines of `modelport …` that work as they stand, given such models. */
  readonly examples: readonly string[];
}

/** What the user typed after the name of the command, checked against its spec. */
export interface CommandArguments {
  readonly operands: readonly string[];
  /** The option's value: as typed, of its variable, or its default. */
  text(option: string): string | undefined;
  /** Whether a switch is on. */
  has(option: string): boolean;
  /** Variables that are set, to something but nothing. */
  variable(name: string): string | undefined;
}

export interface OutputStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

/** Where a command reads and writes. */
export interface Terminal {
  readonly stdin: NodeJS.ReadableStream;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Aborts when nobody reads the output any more. */
  readonly signal: AbortSignal;
}

/** Throws CommandError, or what a call threw. */
export type RunCommand = (args: CommandArguments, terminal: Terminal) => Promise<ExitCode>;
