/** Exit codes of commands, for scripts and probes. docs/cli.md has the same table. */
export const exitCodes = {
  /** The command succeeded. */
  ok: 0,
  /** The runtime refused the call, or the call failed. */
  failed: 1,
  /** The command line, or a file that it names, is invalid; the runtime was not called. */
  usage: 2,
  /** No response in time. */
  unreachable: 3,
  /** No such model. */
  notFound: 4,
  /** The runtime or the model is known, but not ready. */
  notReady: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
