import { statSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fromFileError } from "../../base/files/file-errors.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import { SafePath } from "../../base/files/safe-path.ts";
import { isModelFileName } from "../../models/names.ts";
import { engineFormat, knownFormat, modelKinds, recogniseFormat } from "../catalog.ts";
import type { ModelFile, ModelPlace, SettingsFile } from "../contract/engine.ts";
import type { InspectedFiles, ModelFormat } from "../contract/model-format.ts";
import type { RunTable } from "../contract/run-table.ts";
import { explainRefusal } from "./explain-refusal.ts";
import { sampleFile } from "./file-sample.ts";
import { ModelInspector } from "./model-inspector.ts";
import { findModelFile } from "./model-layout.ts";
import { findSettingsFile, findTritonConfig } from "./settings-file.ts";

// What the file threads do. It blocks; see file-threads.ts.

export interface FoundModel {
  readonly model: ModelFile;
  /** Undefined if the file is not a model, or cannot be read now: `inspectFile` reports why. */
  readonly inspected: InspectedFiles | undefined;
}

const inspector = new ModelInspector();
/** For files that are not recognised: its reader says what is wrong with them. */
const onnxFormat = engineFormat("onnx");

/** What is needed to inspect a model's file. */
export type InspectedFile = Pick<ModelFile, "format" | "file" | "dataFolder">;

/** The file's identity when it was found. */
export type TabulatedFile = InspectedFile & Pick<ModelFile, "identity">;

/** As `Engine.locate`, and also inspects the file, since that is what comes next. */
export async function findModel(place: ModelPlace): Promise<FoundModel> {
  const { name, format, roots } = place;
  const safePath = new SafePath(roots);
  const path = safePath.follow(place.path, name);
  const wanted = format === undefined ? undefined : knownFormat(format);
  const found = findModelFile(path, wanted === undefined ? modelKinds : [wanted.files]);
  // A file inside a directory may be a link out of the allowed directories.
  const file = found === path ? path : safePath.follow(found, name);
  // A model's other files are beside the path that was named, whatever that links to.
  const named = found === path ? place.path : found;
  const locate = (find: (modelFile: string) => string | undefined) =>
    locateSettings([named, file].map(find), safePath, name);
  const settingsFile = locate(findSettingsFile);
  const tritonConfig = locate(findTritonConfig);
  const dataFolder = { path: dirname(named), roots };
  const identity = identityOf(file);
  const inspectAs = async (kind: ModelFormat): Promise<FoundModel> => {
    const model = {
      format: kind.name,
      file,
      identity,
      dataFolder,
      ...(settingsFile && { settingsFile }),
      ...(tritonConfig && { tritonConfig }),
    };
    const inspected = await inspector.inspect(kind, model).catch(() => undefined);
    return { model, inspected };
  };
  if (wanted !== undefined) return await inspectAs(wanted);
  // The extension of ONNX is a promise, that of others may mean anything.
  const isNamedOnnx = isModelFileName(basename(found), onnxFormat.files);
  const asOnnx = isNamedOnnx ? await inspectAs(onnxFormat) : undefined;
  if (asOnnx?.inspected !== undefined) return asOnnx;
  const sample = sampleFile(file);
  const other = sample && recogniseFormat(sample.head);
  return other === undefined ? (asOnnx ?? (await inspectAs(onnxFormat))) : await inspectAs(other);
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
  return await engineFormat(format).tabulateRuns(file, dataFolder);
}
