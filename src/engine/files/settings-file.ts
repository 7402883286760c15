import { statSync } from "node:fs";
import { basename, dirname, join, parse } from "node:path";
import { settingsFileName } from "../../config/run-settings.ts";
import { tritonConfigName } from "../../models/triton-config.ts";

/** The settings file of the model in `modelFile`: the first that exists of `<model>.modelport.json` beside it
 *  (for models that share a directory), `modelport.json` beside it, and, if the directory is a numbered
 *  version, `modelport.json` beside that. Never throws: the reader reports what cannot be read. Blocks. */
export function findSettingsFile(modelFile: string): string | undefined {
  const ofModel = join(dirname(modelFile), `${parse(modelFile).name}.${settingsFileName}`);
  return [ofModel, ...besideModel(modelFile, settingsFileName)].find(isThere);
}

/** The Triton configuration of the model in `modelFile`, beside it or beside its version. As above. */
export function findTritonConfig(modelFile: string): string | undefined {
  return besideModel(modelFile, tritonConfigName).find(isThere);
}

function besideModel(modelFile: string, name: string): string[] {
  const directory = dirname(modelFile);
  const isVersion = /^\d+$/.test(basename(directory));
  return [join(directory, name), ...(isVersion ? [join(dirname(directory), name)] : [])];
}

function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    // A file that exists but is not accessible must not count as missing.
    return (error as NodeJS.ErrnoException).code === "EACCES";
  }
}
