import { basename, dirname, join } from "node:path";
import { RuntimeError } from "../base/errors.ts";
import type { MlflowModel } from "./mlflow.ts";
import {
  type FolderListing,
  isDoubtfulName,
  isForeignName,
  isModelFileName,
  type ModelNames,
  usualNames,
} from "./names.ts";
import { servedVersions } from "./served-versions.ts";

/** What a search needs next: the contents of `folder`, or, if `files` are named, those of them that are models by
 *  their content, as the files of a listing. */
export interface SearchStep {
  readonly folder: string;
  readonly files?: readonly string[];
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
/** Files of one folder whose content is looked at. */
const maxLooks = 32;

/** Looks for the one model file in `folder`, by rules that the local repository and the engine share. Order:
 *  the folder itself where models are folders, one of `usualNames`, the only model file, the only file that is one by its content, the highest version, the
 *  only folder that holds a model. Yields what the caller has to read. An error thrown while listing ends the
 *  search, unless it is a RuntimeError about this one folder and there are others. Of an MLflow model, its MLmodel
 *  says which file it is. */
export function searchModel(folder: string, models: ModelNames): Search {
  return look(folder, { top: folder, models, left: maxFolders, depth: 0 });
}

type Search = Generator<SearchStep, SearchResult, FolderListing>;

interface Progress {
  readonly top: string;
  readonly models: ModelNames;
  left: number;
  /** Depth of the current folder below the top. */
  depth: number;
}

function* look(folder: string, search: Progress): Search {
  if (search.depth >= maxDepth)
    return none(`no ${kindOf(search)} within ${maxDepth} directories below ${search.top}`);
  if (search.left-- <= 0) throw tooMany(search);
  const listing = yield { folder };
  const { mlflow } = listing;
  if (mlflow !== undefined) return yield* lookInMlflow(folder, mlflow, search);
  const { isFolder, isEnd } = search.models;
  if (isFolder?.(listing)) return { tag: "found", file: folder };
  if (isEnd?.(listing)) return none(`${folder} is no ${kindOf(search)}`);
  const models = yield* modelsIn(folder, listing, search.models);
  const file = chooseFile(models, search.models);
  if (file !== undefined) return { tag: "found", file: join(folder, file) };
  // Several model files and none has the usual name: searching subfolders would only hide the ambiguity.
  if (models.length > 0) {
    const why = `${folder} has ${models.length} ${kindOf(search)}s and none is named ${usualNames(search.models).join(" or ")}`;
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
  search: Progress,
): Generator<SearchStep, SearchResult | undefined, FolderListing> {
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

/** The file that an MLmodel names, if it is of the kind that is looked for. */
function* lookInMlflow(folder: string, mlflow: MlflowModel, search: Progress): Search {
  if ("why" in mlflow) return none(`${folder}: ${mlflow.why}`);
  const { models } = search;
  const file = join(folder, mlflow.file);
  const isNamed = isModelFileName(basename(file), models);
  if (isNamed) return { tag: "found", file };
  const found =
    models.recognises === undefined
      ? []
      : (yield { folder: dirname(file), files: [basename(file)] }).files;
  if (found.length > 0) return { tag: "found", file };
  return none(`${folder}: MLmodel names ${mlflow.file}, which is no ${kindOf(search)}`);
}

/** By name, or if there is none by content. */
function* modelsIn(
  folder: string,
  { files }: FolderListing,
  models: ModelNames,
): Generator<SearchStep, readonly string[], FolderListing> {
  const named = files.filter((name) => isModelFileName(name, models));
  if (named.length > 0) return named;
  const doubtful = files.filter((name) => isDoubtfulName(name, models)).slice(0, maxLooks);
  return doubtful.length === 0 ? [] : (yield { folder, files: doubtful }).files;
}

function chooseFile(found: readonly string[], models: ModelNames): string | undefined {
  const preferred = usualNames(models).find((name) => found.includes(name));
  return preferred ?? (found.length === 1 ? found[0] : undefined);
}

function kindOf({ models }: Pick<Progress, "models">): string {
  return models.what ?? `${models.extensions.join(" or ")} file`;
}

function namesIn({ files, folders }: FolderListing): string {
  const names = [...folders.map((name) => `${name}/`), ...files];
  if (names.length === 0) return "nothing";
  const more = names.length > maxListed ? `, and ${names.length - maxListed} more` : "";
  return `${names.slice(0, maxListed).join(", ")}${more}`;
}

function tooMany({ top }: Progress): RuntimeError {
  return refusal(`${top} has more than ${maxFolders} folders: not a model directory`);
}

function none(message: string): SearchResult {
  return { tag: "none", why: refusal(message) };
}

function refusal(message: string): RuntimeError {
  return new RuntimeError("invalid-argument", message);
}
