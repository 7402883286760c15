/** How commands end, for scripts and probes. docs/cli.md has the same table. */
export const exitCodes = {
  /** What was asked for has happened. */
  ok: 0,
  /** The runtime refused the call or failed at it. */
  failed: 1,
  /** The command line, or a file that it names, cannot be used; nothing was asked. */
  usage: 2,
  /** Nobody answered in time. */
  unreachable: 3,
  /** There is no such model. */
  notFound: 4,
  /** The runtime or the model is there, but does not serve. */
  notReady: 5,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];
