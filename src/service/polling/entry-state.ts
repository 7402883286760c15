import type { RepositoryEntry } from "../../storage/repository/model-repository.ts";

/** What the disk has of one model. */
export interface EntryState {
  /** Another text for other versions, files, aliases or mistakes. */
  readonly text: string;
  /** Version → the key of its load, which changes with its files. */
  readonly keys: ReadonlyMap<string, string>;
}

/** Looks at the files of a model. */
export async function readEntryState(entry: RepositoryEntry): Promise<EntryState> {
  const { versions, aliases = new Map<string, string>(), policy, refusal } = entry;
  const keys = new Map<string, string>();
  for (const found of versions) {
    keys.set(found.version, JSON.stringify({ fingerprint: await found.fingerprint() }));
  }
  const parts = [refusal?.message, policy, [...aliases].sort(), versions.map(({ path }) => path)];
  return { text: JSON.stringify([...parts, [...keys]]), keys };
}
