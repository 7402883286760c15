import { statSync } from "node:fs";
import { basename, dirname, join, parse } from "node:path";
import { settingsFileName } from "../run-settings.ts";

/** The file with the settings of the model in `modelFile`, the first there is of
 *  `<model>.modelport.json` beside it (for models that share a directory), `modelport.json` beside it, and
 *  if the directory is a version, by its number, `modelport.json` beside that. Never throws: what cannot be
 *  read is for the reader to say. Blocks. */
export function findSettingsFile(modelFile: string): string | undefined {
  const directory = dirname(modelFile);
  const candidates = [
    join(directory, `${parse(modelFile).name}.${settingsFileName}`),
    join(directory, settingsFileName),
  ];
  if (/^\d+$/.test(basename(directory)))
    candidates.push(join(dirname(directory), settingsFileName));
  return candidates.find(isThere);
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A file that is there but out of reach must not pass for none.
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
