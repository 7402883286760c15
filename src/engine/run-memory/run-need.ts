/** What one run needs of its host beside what its models hold. */
export interface RunNeed {
  /** While it is executed: of several that a host has got, one at a time takes this. */
  readonly runBytes: number;
  /** From its sending on: its inputs, which lie in the host until it is over. */
  readonly inputBytes: number;
}

/** Hosts take so much for runs of which nobody keeps books. */
export const smallRunBytes = 2 * 1024 * 1024;

export function totalOf({ runBytes, inputBytes }: RunNeed): number {
  return runBytes + inputBytes;
}
