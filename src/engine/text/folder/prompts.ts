import { posix } from "node:path";
import type { FolderFiles } from "./folder-files.ts";
import { nameOf, shorten } from "./json-file.ts";

export interface Prompts {
  readonly prompts: Readonly<Record<string, string>>;
  /** The name of one of them. */
  readonly defaultPrompt: string | undefined;
}

/** Reads config_sentence_transformers.json, if there is one. Throws RuntimeError "invalid-argument". */
export function readPrompts(files: FolderFiles, root: string): Prompts {
  const config = files.json(posix.join(root, "config_sentence_transformers.json"));
  const listed = config?.object("prompts");
  const prompts: [string, string][] = Object.keys(listed?.fields ?? {}).flatMap((name) => {
    const text = listed?.string(name);
    return text === undefined ? [] : [[name, text]];
  });
  const defaultPrompt = config?.string("default_prompt_name");
  if (defaultPrompt !== undefined && !prompts.some(([name]) => name === defaultPrompt)) {
    const names = prompts.map(([name]) => nameOf(name)).join(", ") || "none";
    throw config?.refusal(
      `'default_prompt_name' is '${shorten(defaultPrompt)}', which is not one of the prompts (${names})`,
    );
  }
  return { prompts: Object.fromEntries(prompts), defaultPrompt };
}
