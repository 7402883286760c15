import { RuntimeError } from "../../base/errors.ts";

/** What a parameter of a request may be, whatever wire it came over. */
type Parameter = string | number | bigint | boolean | null | undefined | object;

const sequenceNames = ["sequence_id", "sequence_start", "sequence_end"] as const;

/** Refuses a request that is one of a sequence: its sender relies on a state that no model has here. What clients
 *  send for no sequence (0, "", false) passes. `read` gives a parameter of the request by its name. */
export function refuseSequence(read: (name: string) => Parameter): void {
  for (const name of sequenceNames) {
    const value = read(name);
    // A bigint of 0 as well.
    if (value === undefined || value === null || !value) continue;
    throw new RuntimeError(
      "invalid-argument",
      `the request has the parameter '${name}', but sequences are not supported: no model keeps a state between ` +
        "requests. Send all that a run needs in one request, without sequence_id, sequence_start and sequence_end",
    );
  }
}

const memoryNames = ["shared_memory_region", "shared_memory_byte_size", "shared_memory_offset"];

/** Refuses a tensor in a region of shared memory. If it were ignored, the client would read what was in its memory
 *  before. `what` names the tensor. */
export function refuseSharedMemory(read: (name: string) => Parameter, what: string): void {
  for (const name of memoryNames) {
    const value = read(name);
    if (value === undefined || value === null) continue;
    throw new RuntimeError(
      "invalid-argument",
      `${what} has the parameter '${name}', but shared memory is not supported: send the tensor in the request`,
    );
  }
}
