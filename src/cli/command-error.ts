import { type ExitCode, exitCodes } from "./exit-code.ts";

/** Ends a command with a message for the user, and advice on what to do about it. */
export class CommandError extends Error {
  readonly exitCode: ExitCode;
  /** One line; may be empty. */
  readonly advice: string;

  constructor(exitCode: ExitCode, message: string, advice = "", options?: ErrorOptions) {
    super(message, options);
    this.name = "CommandError";
    this.exitCode = exitCode;
    this.advice = advice;
  }
}

export function usageError(message: string, advice = ""): CommandError {
  return new CommandError(exitCodes.usage, message, advice);
}
