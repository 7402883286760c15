import { statSync } from "node:fs";
import { extname } from "node:path";
import { fromFileError } from "../file-errors.ts";
import { fileIdentity } from "../file-identity.ts";
import { SafePath } from "../safe-path.ts";
import type { ModelFile, ModelPlace, SettingsFile } from "./engine.ts";
import { knownFormat, type ModelFormat, modelFormats } from "./engine-catalog.ts";
import { type InspectedFiles, ModelInspector } from "./files/model-inspector.ts";
import { findModelFile } from "./model-layout.ts";
import { findSettingsFile } from "./settings-file.ts";

// What the threads for files do. It blocks; see file-threads.ts.

export interface FoundModel {
  readonly model: ModelFile;
  /** Undefined if the file is no model, or cannot be read now: why, `inspectFile` says. */
  readonly inspected: InspectedFiles | undefined;
}

const inspector = new ModelInspector();

/** As `Engine.locate`, and looks into the file as well, since that is what comes next. */
export async function findModel(place: ModelPlace): Promise<FoundModel> {
  const { name, format } = place;
  const safePath = new SafePath(place.roots);
  const path = safePath.follow(place.path, name);
  let refusal: unknown;
  for (const candidate of candidates(path, format)) {
    try {
      const found = findModelFile(path, candidate.extension);
      // One inside a directory may be a link to where nobody may look.
      const file = found === path ? path : safePath.follow(found, name);
      const settingsFile = locateSettings(found, safePath, name);
      const model = {
        format: candidate.name,
        file,
        identity: identityOf(file),
        ...(settingsFile && { settingsFile }),
      };
      const inspected = await inspector.inspect(candidate, file).catch(() => undefined);
      return { model, inspected };
    } catch (error) {
      // The first format is the likeliest: its reason is the one to tell.
      refusal ??= error;
    }
  }
  throw refusal;
}

function locateSettings(
  modelFile: string,
  safePath: SafePath,
  name: string,
): SettingsFile | undefined {
  const found = findSettingsFile(modelFile);
  return found === undefined ? undefined : { name: found, path: safePath.follow(found, name) };
}

function identityOf(file: string): string {
  try {
    return fileIdentity(statSync(file, { bigint: true }));
  } catch (error) {
    throw fromFileError(error, file);
  }
}

/** Throws as `ModelFormat.inspect`. */
export async function inspectFile(format: string, file: string): Promise<InspectedFiles> {
  return await inspector.inspect(knownFormat(format), file);
}

function candidates(path: string, format: string | undefined): readonly ModelFormat[] {
  if (format !== undefined) return [knownFormat(format)];
  const byExtension = modelFormats.filter(({ extension }) => extension === extname(path));
  return byExtension.length > 0 ? byExtension : modelFormats;
}
