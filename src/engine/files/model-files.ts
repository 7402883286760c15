import { type BigIntStats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { fileIdentity } from "../../base/files/file-identity.ts";
import { SafePath } from "../../base/files/safe-path.ts";
import { isModelFileName, type ModelNames } from "../../models/names.ts";
import {
  engineFormat,
  knownFormat,
  modelFormats,
  modelKinds,
  recogniseFormat,
} from "../catalog.ts";
import type { ModelFile, ModelPlace, ModelSource, SettingsFile } from "../contract/engine.ts";
import type { ModelFormat } from "../contract/model-format.ts";
import type { RunTable } from "../contract/run-table.ts";
import { explainRefusal } from "./explain-refusal.ts";
import { sampleFile } from "./file-sample.ts";
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
/** For files that are not recognised: its reader says what is wrong with them. */
const onnxFormat = engineFormat("onnx");

/** What is needed to inspect a model's file. */
export type InspectedFile = Pick<ModelFile, "format" | "file" | "dataFolder"> &
  Pick<ModelSource, "choices">;

/** The file's identity when it was found. */
export type TabulatedFile = InspectedFile & Pick<ModelFile, "identity">;

/** As `Engine.locate`, and also inspects the file, since that is what comes next. */
export async function findModel(place: ModelPlace): Promise<FoundModel> {
  const { format } = place;
  const wanted = format === undefined ? undefined : knownFormat(format);
  const found = await findAmong(place, wanted === undefined ? modelKinds : [wanted.files], wanted);
  const { model, inspected } = found;
  const isRefusedFolder = inspected === undefined && isOfFolder(model.format);
  if (wanted !== undefined || !isRefusedFolder || model.settingsFile !== undefined) return found;
  // Not a text model after all, but there may be an ONNX file in it that can be served.
  const files = modelKinds.filter(({ isFolder }) => isFolder === undefined);
  return await findAmong(place, files, undefined).catch(() => found);
}

function isOfFolder(format: string): boolean {
  return knownFormat(format).files.isFolder !== undefined;
}

async function findAmong(
  place: ModelPlace,
  kinds: readonly ModelNames[],
  wanted: ModelFormat | undefined,
): Promise<FoundModel> {
  const { name, roots } = place;
  const safePath = new SafePath(roots);
  const path = safePath.follow(place.path, name);
  const found = findModelFile(path, kinds);
  // A file inside a directory may be a link out of the allowed directories.
  const file = found === path ? path : safePath.follow(found, name);
  // A model's other files are beside the path that was named, whatever that links to.
  const named = found === path ? place.path : found;
  const stats = statOf(file);
  const isFolder = stats.isDirectory();
  const folderFormat = isFolder ? folderFormatOf(wanted) : undefined;
  const locate = (find: (modelFile: string) => string | undefined) =>
    locateSettings([named, file].map(settingsPlace(isFolder)).map(find), safePath, name);
  const settingsFile = locate(findSettingsFile);
  const tritonConfig = locate(findTritonConfig);
  const dataFolder = { path: isFolder ? named : dirname(named), roots };
  const identity = fileIdentity(stats);
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
  if (folderFormat !== undefined) return await inspectAs(folderFormat);
  if (wanted?.files.isFolder !== undefined) {
    throw new RuntimeError(
      "invalid-argument",
      `${name} is a file, expected the ${wanted.files.what ?? "folder"}: give the folder that has its config.json`,
    );
  }
  if (wanted !== undefined) return await inspectAs(wanted);
  // The extension of ONNX is a promise, that of others may mean anything.
  const isNamedOnnx = isModelFileName(basename(found), onnxFormat.files);
  const asOnnx = isNamedOnnx ? await inspectAs(onnxFormat) : undefined;
  if (asOnnx?.inspected !== undefined) return asOnnx;
  const sample = sampleFile(file);
  const other = sample && recogniseFormat(sample.head);
  return other === undefined ? (asOnnx ?? (await inspectAs(onnxFormat))) : await inspectAs(other);
}

/** The format whose models are folders. */
function folderFormatOf(wanted: ModelFormat | undefined): ModelFormat {
  const format = wanted ?? modelFormats.find(({ files }) => files.isFolder !== undefined);
  if (format === undefined) throw new Error("a folder was found that is of no format");
  return format;
}

/** A model's settings lie beside its file; those of a folder in it. */
function settingsPlace(isFolder: boolean): (place: string) => string {
  return (place) => (isFolder ? join(place, "config.json") : place);
}

function locateSettings(
  files: readonly (string | undefined)[],
  safePath: SafePath,
  name: string,
): SettingsFile | undefined {
  const found = files.find((file) => file !== undefined);
  return found === undefined ? undefined : { name: found, path: safePath.follow(found, name) };
}

function statOf(file: string): BigIntStats {
  try {
    return statSync(file, { bigint: true });
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
  const { format, file, dataFolder, choices, identity } = model;
  if (fileIdentity(statOf(file)) !== identity) return undefined;
  return await engineFormat(format).tabulateRuns(file, { dataFolder, choices });
}
