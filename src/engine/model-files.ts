import { extname } from "node:path";
import type { ModelFile } from "./engine.ts";
import {
  knownFormat,
  type ModelFootprint,
  type ModelFormat,
  modelFormats,
} from "./engine-catalog.ts";
import { findModelFile } from "./model-layout.ts";
import { findSettingsFile } from "./settings-file.ts";

// What the threads for files do. It blocks; see file-threads.ts.

export interface FoundModel {
  readonly model: ModelFile;
  /** Undefined if the file was not opened. */
  readonly footprint: ModelFootprint | undefined;
}

/** As `Engine.locate`. A file that `path` names itself is looked into as well, since that is what comes
 *  next; why it cannot be is for `inspectFile` to say. */
export async function findModel(path: string, format: string | undefined): Promise<FoundModel> {
  let refusal: unknown;
  for (const candidate of candidates(path, format)) {
    try {
      const file = await findModelFile(path, candidate.extension);
      const settingsFile = await findSettingsFile(file);
      const model = { format: candidate.name, file, ...(settingsFile && { settingsFile }) };
      // One inside a directory may be a link to where nobody may look.
      const isNamed = file === path;
      const footprint = isNamed ? await candidate.inspect(file).catch(() => undefined) : undefined;
      return { model, footprint };
    } catch (error) {
      // The first format is the likeliest: its reason is the one to tell.
      refusal ??= error;
    }
  }
  throw refusal;
}

/** As `ModelFormat.inspect`. */
export async function inspectFile(format: string, file: string): Promise<ModelFootprint> {
  return await knownFormat(format).inspect(file);
}

function candidates(path: string, format: string | undefined): readonly ModelFormat[] {
  if (format !== undefined) return [knownFormat(format)];
  const byExtension = modelFormats.filter(({ extension }) => extension === extname(path));
  return byExtension.length > 0 ? byExtension : modelFormats;
}
