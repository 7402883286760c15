/** What one run needs from its host, beyond what its models hold. */
export interface RunNeed {
  /** While it executes: of several runs in a host, one at a time takes this. */
  readonly runBytes: number;
  /** From the moment it is sent: its inputs, which stay in the host until the run is over. */
  readonly inputBytes: number;
}

/** Hosts take this much for runs that are not accounted for. */
export const smallRunBytes = 2 * 1024 * 1024;

export function totalOf({ runBytes, inputBytes }: RunNeed): number {
  return runBytes + inputBytes;
}
