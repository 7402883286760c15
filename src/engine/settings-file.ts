import { stat } from "node:fs/promises";
import { basename, dirname, join, parse } from "node:path";
import { settingsFileName } from "../run-settings.ts";

/** The file with the settings of the model in `modelFile`, the first there is of
 *  `<model>.modelport.json` beside it (for models that share a directory), `modelport.json` beside it, and
 *  if the directory is a version, by its number, `modelport.json` beside that. Never throws: what cannot be
 *  read is for the reader to say. */
export async function findSettingsFile(modelFile: string): Promise<string | undefined> {
  const directory = dirname(modelFile);
  const candidates = [
    join(directory, `${parse(modelFile).name}.${settingsFileName}`),
    join(directory, settingsFileName),
  ];
  if (/^\d+$/.test(basename(directory)))
    candidates.push(join(dirname(directory), settingsFileName));
  const found = await Promise.all(candidates.map(isThere));
  return candidates.find((_, at) => found[at]);
}

async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    // A file that is there but out of reach must not pass for none.
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
