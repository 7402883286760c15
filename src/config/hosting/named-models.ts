import { resolve } from "node:path";
import type { SettingRows } from "../setting.ts";

/** A model that the operator named, with its place. */
export interface NamedModel {
  readonly name: string;
  /** An absolute path, or the URI of a store, such as s3://bucket/path. */
  readonly path: string;
}

/** The rows of src/config/settings.ts for models that are named one by one. */
export const namedModelSettings = {
  "model-name": {
    env: "MODEL_NAME",
    type: "text",
    separator: ",",
    repeats: true,
    default: "",
    defaultText: "model, where there is one path",
    doc: "name of the model at --model-path; give both flags again for each further model",
  },
  "model-path": {
    env: "MODEL_PATH",
    aliases: ["AIP_STORAGE_URI"],
    type: "text",
    separator: ",",
    repeats: true,
    default: "",
    doc: "file, folder or storage URI of one model, which is loaded at start; the server is not ready without it",
  },
} as const satisfies SettingRows;

/** The name of the only model, if it was given none: platforms that host one model do not use it. */
const usualName = "model";

/** The pairs of these two settings, in their order. `settings`: what they are called in problems. Names or paths that do
 *  not fit together are added to `problems`. */
export function readNamedModels(
  sent: { readonly names: string; readonly paths: string },
  settings: { readonly names: string; readonly paths: string },
  problems: string[],
): NamedModel[] {
  const names = listOf(sent.names);
  // One path may have commas; of several, the list shows where each begins.
  const paths = names.length > 1 || sent.paths.includes("\n") ? listOf(sent.paths) : [sent.paths];
  const given = paths.filter((path) => path !== "");
  if (names.length === 0 && given.length === 1) names.push(usualName);
  if (names.length !== given.length) {
    const counts = `${settings.names} names ${count(names.length, "model")} and ${settings.paths} ${count(given.length, "path")}`;
    problems.push(`${counts}: expected one path for each name, in the same order`);
    return [];
  }
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) problems.push(`${settings.names} names '${twice}' twice`);
  const odd = names.find((name) => name.includes("\0"));
  if (odd !== undefined) problems.push(`${settings.names} has a NUL character`);
  return names.map((name, at) => ({ name, path: placeOf(given[at] ?? "") }));
}

/** Repeated flags and lists in files are lines. */
function listOf(text: string): string[] {
  const items = text.split(text.includes("\n") ? "\n" : ",");
  return items.map((item) => item.trim()).filter((item) => item !== "");
}

function placeOf(path: string): string {
  return isStorageUri(path) ? path : resolve(path);
}

/** Whether a path names a place in a store. */
export function isStorageUri(path: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(path);
}

function count(number: number, what: string): string {
  return number === 1 ? `1 ${what}` : `${number} ${what}s`;
}
