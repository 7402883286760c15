/** What everything but models may take: more than enough for a handful of hosts. */
const bufferBytes = 1024 * 1024 * 1024;

/** Flags by which a runtime has `capacityBytes` for models. */
export function capacityFlags(capacityBytes: number): string[] {
  const containerBytes = capacityBytes + bufferBytes;
  return ["--container-memory", `${containerBytes}`, "--memory-buffer", `${bufferBytes}`];
}
