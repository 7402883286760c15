import { statSync } from "node:fs";
import { dirname, extname } from "node:path";
import { fromFileError } from "../../base/file-errors.ts";
import { fileIdentity } from "../../base/file-identity.ts";
import { SafePath } from "../../base/safe-path.ts";
import type { ModelFile, ModelPlace, SettingsFile } from "../contract/engine.ts";
import type { ModelFormat } from "../contract/model-format.ts";
import type { RunTable } from "../contract/run-table.ts";
import { knownFormat, modelFormats } from "../engine-catalog.ts";
import { explainRefusal } from "./explain-refusal.ts";
import { type InspectedFiles, ModelInspector } from "./model-inspector.ts";
import { findModelFile } from "./model-layout.ts";
import { findSettingsFile, findTritonConfig } from "./settings-file.ts";

// What the file threads do. It blocks; see file-threads.ts.

export interface FoundModel {
  readonly model: ModelFile;
  /** Undefined if the file is not a model, or cannot be read now: `inspectFile` reports why. */
  readonly inspected: InspectedFiles | undefined;
}

const inspector = new ModelInspector();

/** What is needed to inspect a model's file. */
export type InspectedFile = Pick<ModelFile, "format" | "file" | "dataFolder">;

/** The file's identity when it was found. */
export type TabulatedFile = InspectedFile & Pick<ModelFile, "identity">;

/** As `Engine.locate`, and also inspects the file, since that is what comes next. */
export async function findModel(place: ModelPlace): Promise<FoundModel> {
  const { name, format, roots } = place;
  const safePath = new SafePath(roots);
  const path = safePath.follow(place.path, name);
  let refusal: unknown;
  for (const candidate of candidates(path, format)) {
    try {
      const found = findModelFile(path, candidate.extension);
      // A file inside a directory may be a link out of the allowed directories.
      const file = found === path ? path : safePath.follow(found, name);
      // A model's other files are beside the path that was named, whatever that links to.
      const named = found === path ? place.path : found;
      const locate = (find: (modelFile: string) => string | undefined) =>
        locateSettings([named, file].map(find), safePath, name);
      const settingsFile = locate(findSettingsFile);
      const tritonConfig = locate(findTritonConfig);
      const dataFolder = { path: dirname(named), roots };
      const model = {
        format: candidate.name,
        file,
        identity: identityOf(file),
        dataFolder,
        ...(settingsFile && { settingsFile }),
        ...(tritonConfig && { tritonConfig }),
      };
      const inspected = await inspector.inspect(candidate, model).catch(() => undefined);
      return { model, inspected };
    } catch (error) {
      // The first format is the likeliest, so its reason is reported.
      refusal ??= error;
    }
  }
  throw refusal;
}

function locateSettings(
  files: readonly (string | undefined)[],
  safePath: SafePath,
  name: string,
): SettingsFile | undefined {
  const found = files.find((file) => file !== undefined);
  return found === undefined ? undefined : { name: found, path: safePath.follow(found, name) };
}

function identityOf(file: string): string {
  try {
    return fileIdentity(statSync(file, { bigint: true }));
  } catch (error) {
    throw fromFileError(error, file);
  }
}

/** As `ModelFormat.inspect`. */
export async function inspectFile(model: InspectedFile): Promise<InspectedFiles> {
  const { format, file } = model;
  try {
    return await inspector.inspect(knownFormat(format), model);
  } catch (error) {
    throw explainRefusal(error, file);
  }
}

/** As `ModelFormat.tabulateRuns`; also undefined if the file has changed since it was inspected. */
export async function tabulateRuns(model: TabulatedFile): Promise<RunTable | undefined> {
  const { format, file, dataFolder, identity } = model;
  if (identityOf(file) !== identity) return undefined;
  return await knownFormat(format).tabulateRuns(file, dataFolder);
}

function candidates(path: string, format: string | undefined): readonly ModelFormat[] {
  if (format !== undefined) return [knownFormat(format)];
  const byExtension = modelFormats.filter(({ extension }) => extension === extname(path));
  return byExtension.length > 0 ? byExtension : modelFormats;
}
