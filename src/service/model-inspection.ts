import type { Engine, ModelFile, ModelSource } from "../engine/engine.ts";
import type { SafePath } from "../storage/safe-path.ts";

interface InspectionParts {
  readonly engine: Engine;
  readonly safePath: SafePath;
}

/** Finds a model's file by what a caller says of it, within the model roots. Rejects as `Engine.locate` and
 *  `SafePath.follow` do. */
export async function locateModel(
  { engine, safePath }: InspectionParts,
  { path, format }: { readonly path: string; readonly format: string | undefined },
): Promise<ModelFile> {
  const followed = await safePath.follow(safePath.resolve(path), path);
  const model = await engine.locate(followed, format);
  // The file inside a model directory may itself be a link; a path that was followed is none.
  const file = model.file === followed ? followed : await safePath.follow(model.file, path);
  return { ...model, file };
}

/** As `locateModel`, and reads the file's structure. */
export async function inspectModel(
  parts: InspectionParts,
  model: Parameters<typeof locateModel>[1],
): Promise<ModelSource> {
  return await parts.engine.inspect(await locateModel(parts, model));
}
