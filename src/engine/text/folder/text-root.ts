import { RuntimeError } from "../../../base/errors.ts";
import type { FolderFiles } from "./folder-files.ts";

/** Where the files of the model lie in the folder: "" for the folder itself, or the name of the folder that
 *  Caikit's config.yml points to. Throws RuntimeError "invalid-argument" if there is no text model. */
export function findTextRoot(files: FolderFiles): string {
  if (files.has("config.json") || files.has("modules.json")) return "";
  const caikit = files.text("config.yml");
  if (caikit !== undefined) return artifactsOf(caikit);
  const advice = files.has("adapter_config.json")
    ? "it is an adapter; merge it into its model where it was trained: model.merge_and_unload().save_pretrained(FOLDER)"
    : "a text model is a folder of Hugging Face or sentence-transformers (config.json, tokenizer.json, model.safetensors or onnx/model.onnx), or one of Caikit (config.yml, artifacts/)";
  throw new RuntimeError("invalid-argument", `${files.folder} has no config.json: ${advice}`);
}

/** Caikit writes the file itself, one plain value per line. */
function artifactsOf(caikit: string): string {
  const value = /^artifacts?_path:[ \t]*(?<value>\S.*)$/m.exec(caikit)?.groups?.["value"]?.trim();
  return value?.replace(/^(["'])(?<path>.*)\1$/, "$<path>") ?? "artifacts";
}
