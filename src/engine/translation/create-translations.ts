import { availableParallelism, tmpdir } from "node:os";
import { PrivateFolder } from "./private-folder.ts";
import { type OwnFolder, TranslationStore } from "./translation-store.ts";
import { Translations, type TranslationsOptions } from "./translations.ts";

export interface TranslationSettings {
  /** Where translated files are kept; other runtimes may share it. Absolute. Undefined: only in the own folder. */
  readonly directory: string | undefined;
  /** This process's folder, in that directory if there is one. */
  readonly own: OwnFolder;
  /** Of all files in it; 0: nothing is kept. */
  readonly limitBytes: number;
  readonly timeoutMs: number;
  /** Of a translator; default: this program's own. */
  readonly entry?: URL;
}

const defaultTimeoutMs = 60_000;
/** A file system in memory, on Linux. */
const memoryDirectory = "/dev/shm";

/** Translated files go to the directory of the settings, or where that cannot be written, to a temporary one, or
 *  where there is none of those either, to one in memory. */
export function createTranslations(
  settings: TranslationSettings | undefined,
  parts: Pick<TranslationsOptions, "environment" | "files" | "memory" | "log">,
): Translations {
  const { limitBytes = 0, timeoutMs = defaultTimeoutMs, entry } = settings ?? {};
  const shared =
    settings === undefined
      ? []
      : [
          new TranslationStore({
            ...(settings.directory !== undefined && { directory: settings.directory }),
            own: settings.own,
            limitBytes,
          }),
        ];
  return new Translations({
    ...parts,
    stores: [
      ...shared,
      new TranslationStore({ own: new PrivateFolder(tmpdir()), limitBytes }),
      // What lies in memory is for models: no more than what they need.
      new TranslationStore({ own: new PrivateFolder(memoryDirectory), limitBytes: 0 }),
    ],
    timeoutMs,
    // A translator computes all the time, and models need the cores too.
    concurrency: Math.max(1, Math.floor(availableParallelism() / 2)),
    ...(entry && { entry }),
  });
}
