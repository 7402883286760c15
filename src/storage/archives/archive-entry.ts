import { RuntimeError } from "../../base/errors.ts";

/** One entry of an archive. Its bytes are read before the next entry is asked for, or not at all. */
export interface ArchiveEntry {
  /** As it was written: not to be trusted. */
  readonly name: string;
  readonly kind: "file" | "folder" | "link" | "hard link" | "special file" | "sparse file";
  /** Bytes of a file. */
  readonly sizeBytes: number;
  /** What a link names, as it was written. */
  readonly target: string;
  /** The content of a file. Throws if it is damaged. */
  bytes(): AsyncIterable<Uint8Array>;
}

/** An archive that cannot be unpacked, now or later. `what` names it. */
export function badArchive(what: string, problem: string): RuntimeError {
  return new RuntimeError("invalid-argument", `${what} cannot be unpacked: ${problem}`);
}
