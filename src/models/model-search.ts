import { extname, join } from "node:path";
import { RuntimeError } from "../base/errors.ts";
import { settingsFileName } from "../config/run-settings.ts";
import { servedVersions } from "./served-versions.ts";

/** The contents of a folder. Links count as their targets; broken links are left out. */
export interface FolderListing {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** The result of a search. "doubt": there are several models, and nothing says which one is meant. */
export type SearchResult =
  | { readonly tag: "found"; readonly file: string }
  | { readonly tag: "none" | "doubt"; readonly why: RuntimeError };

/** How deep the search goes; real layouts need two levels at most. */
const maxDepth = 8;
/** Limit for one search. A home directory has more folders; a model does not. */
const maxFolders = 1_000;
const maxListed = 10;
const schemaFile = "_schema.json";

/** What file systems, network disks and their tools put into every folder. */
const foreignNames: ReadonlySet<string> = new Set([
  "lost+found",
  "@eaDir",
  "@Recycle",
  "@Recently-Snapshot",
  "#recycle",
  "#snapshot",
  "$RECYCLE.BIN",
  "System Volume Information",
  "__MACOSX",
]);

/** Whether a file or folder of this name never belongs to a model. */
export function isForeignName(name: string): boolean {
  return name.startsWith(".") || foreignNames.has(name);
}

/** Whether a file of this name is a model. `extensions`: of models, with their dots. */
export function isModelFileName(name: string, extensions: readonly string[]): boolean {
  const isOther = name === schemaFile || name.endsWith(settingsFileName) || isForeignName(name);
  return !isOther && extensions.includes(extname(name));
}

/** Looks for the one model file in `folder`, by rules that the local repository and the engine share. Order:
 *  `model<extension>`, the only model file, the highest version, the only folder that holds a model. Yields the
 *  folders that the caller has to list. An error thrown while listing ends the search, unless it is a
 *  RuntimeError about this one folder and there are others. */
export function searchModel(
  folder: string,
  extensions: readonly string[],
): Generator<string, SearchResult, FolderListing> {
  return look(folder, { top: folder, extensions, left: maxFolders, depth: 0 });
}

interface Search {
  readonly top: string;
  readonly extensions: readonly string[];
  left: number;
  /** Depth of the current folder below the top. */
  depth: number;
}

function* look(folder: string, search: Search): Generator<string, SearchResult, FolderListing> {
  const { extensions } = search;
  if (search.depth >= maxDepth)
    return none(`no ${kindOf(search)} within ${maxDepth} directories below ${search.top}`);
  if (search.left-- <= 0) throw tooMany(search);
  const listing = yield folder;
  const models = listing.files.filter((name) => isModelFileName(name, extensions));
  const file = chooseFile(models, extensions);
  if (file !== undefined) return { tag: "found", file: join(folder, file) };
  // Several model files and none has the usual name: searching subfolders would only hide the ambiguity.
  if (models.length > 0) {
    const why = `${folder} has ${models.length} ${kindOf(search)}s and none is named ${usualNames(extensions)}`;
    return { tag: "doubt", why: refusal(`${why}; seen: ${namesIn(listing)}`) };
  }
  const highest = servedVersions(listing.folders).at(-1);
  const inner = listing.folders.filter((name) => !isForeignName(name));
  const next = highest ?? (inner.length === 1 ? inner[0] : undefined);
  search.depth++;
  const result =
    next === undefined
      ? yield* lookInEach(folder, inner, search)
      : yield* look(join(folder, next), search);
  search.depth--;
  return result ?? none(`${folder} has no ${kindOf(search)}; seen: ${namesIn(listing)}`);
}

/** The one folder of several that holds a model. Undefined if none does. */
function* lookInEach(
  folder: string,
  names: readonly string[],
  search: Search,
): Generator<string, SearchResult | undefined, FolderListing> {
  const found: string[] = [];
  let last: SearchResult | undefined;
  for (const name of names) {
    const { depth } = search;
    try {
      const result = yield* look(join(folder, name), search);
      if (result.tag === "none") continue;
      found.push(name);
      last = result;
    } catch (error) {
      search.depth = depth;
      // A folder that cannot be read is not the model; one of the others may be.
      const isItsOwn = error instanceof RuntimeError && error.kind === "failed-precondition";
      if (!isItsOwn) throw error;
    }
  }
  if (found.length <= 1) return last;
  const folders = found.map((name) => `${name}/`).join(", ");
  return { tag: "doubt", why: refusal(`${folder} has models in several folders: ${folders}`) };
}

function chooseFile(models: readonly string[], extensions: readonly string[]): string | undefined {
  const usual = extensions.map((extension) => `model${extension}`);
  const preferred = usual.find((name) => models.includes(name));
  return preferred ?? (models.length === 1 ? models[0] : undefined);
}

function usualNames(extensions: readonly string[]): string {
  return extensions.map((extension) => `model${extension}`).join(" or ");
}

function kindOf({ extensions }: Search): string {
  return `${extensions.join(" or ")} file`;
}

function namesIn({ files, folders }: FolderListing): string {
  const names = [...folders.map((name) => `${name}/`), ...files];
  if (names.length === 0) return "nothing";
  const more = names.length > maxListed ? `, and ${names.length - maxListed} more` : "";
  return `${names.slice(0, maxListed).join(", ")}${more}`;
}

function tooMany({ top }: Search): RuntimeError {
  return refusal(`${top} has more than ${maxFolders} folders: not a model directory`);
}

function none(message: string): SearchResult {
  return { tag: "none", why: refusal(message) };
}

function refusal(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
