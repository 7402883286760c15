import type { Engine, ModelFile } from "../engine/engine.ts";
import type { SafePath } from "../storage/safe-path.ts";

/** Finds the model's file at `path`, which has no links in it; the file may be one that leads to where
 *  `safePath` allows. `name`: the path as the caller wrote it. Rejects as `Engine.locate` and
 *  `SafePath.follow` do. */
export async function locateModel(
  { engine, safePath }: { readonly engine: Engine; readonly safePath: SafePath },
  model: { readonly path: string; readonly name: string; readonly format: string | undefined },
): Promise<ModelFile> {
  const found = await engine.locate(model.path, model.format);
  const file =
    found.file === model.path ? model.path : await safePath.follow(found.file, model.name);
  return { ...found, file };
}
