import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join, parse } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/file-errors.ts";
import { nameOfType } from "../../base/regular-file.ts";
import { settingsFileName } from "../../config/run-settings.ts";
import { isForeignName, isModelFileName, searchModel } from "../../models/model-search.ts";
import { servedVersions } from "../../models/served-versions.ts";
import { tritonConfigName } from "../../models/triton-config.ts";
import { fingerprintOf } from "./file-fingerprint.ts";
import { listFolder } from "./list-folder.ts";
import { versionsToServe } from "./version-policy.ts";

export interface RepositoryVersion {
  /** The name of the numbered folder; "" for a model without versions. */
  readonly version: string;
  /** Absolute path of the folder or file. */
  readonly path: string;
  /** Changes when the files do, weights beside the model file and settings included. Reads the disk. */
  fingerprint(): Promise<string>;
}

export interface RepositoryEntry {
  /** The name of the folder, or of the file without its extension, as links are called themselves. */
  readonly id: string;
  /** Lowest first; none if the model cannot be read. */
  readonly versions: readonly RepositoryVersion[];
  /** Why it cannot be read. */
  readonly refusal: RuntimeError | undefined;
}

export interface RepositoryListing {
  /** By name. */
  readonly models: readonly RepositoryEntry[];
  /** What is no model, and why not. */
  readonly ignored: readonly { readonly name: string; readonly why: string }[];
  /** What would be a model if there were not another one of its name. */
  readonly doubles: readonly {
    readonly id: string;
    readonly served: string;
    readonly ignored: string;
  }[];
}

interface Candidate extends RepositoryEntry {
  readonly path: string;
  readonly isFolder: boolean;
}

/** Text about models, which no model has its weights in. */
const documents = /\.(md|txt)$/;
/** Settings that versions share. */
const sharedFiles = [settingsFileName, tritonConfigName];

/** Lists a local model repository: one model for each entry of `directory` that looks like one, which is a file with
 *  one of `extensions`, or a folder in which `searchModel` finds a model or which has versions, folders with
 *  numbers for names. Names that start with "." or "_" belong to somebody else, `*.md` files describe, and
 *  `*modelport.json` has settings. Whatever else is there is ignored. Of two that would be the same model the one that
 *  can be read is taken, and of two such the folder. Throws if `directory` itself cannot be read. */
export async function listModelRepository(
  directory: string,
  extensions: readonly string[],
): Promise<RepositoryListing> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw fromFileError(error, `model repository '${directory}'`);
  });
  const candidates: Candidate[] = [];
  const ignored: { name: string; why: string }[] = [];
  /** What may be weights of models that are files: everything that is no model itself. */
  const beside: string[] = [];
  const classify = async (entry: Dirent) => {
    const { name } = entry;
    if (/^[._]/.test(name) || name.endsWith(".md") || name.endsWith(settingsFileName)) return;
    const verdict = await judge(directory, entry, { extensions, beside });
    if (verdict === undefined) return;
    if (typeof verdict !== "string") candidates.push(verdict);
    else {
      ignored.push({ name, why: verdict });
      if (!isForeignName(name) && !documents.test(name)) beside.push(join(directory, name));
    }
  };
  await Promise.all(entries.map(classify));
  ignored.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...withoutDoubles(candidates, extensions), ignored };
}

interface Rules {
  readonly extensions: readonly string[];
  /** Filled by the time that anybody asks for a fingerprint. */
  readonly beside: readonly string[];
}

/** The model that an entry is, or why it is none; undefined if it has left meanwhile. */
async function judge(
  directory: string,
  entry: Dirent,
  rules: Rules,
): Promise<Candidate | string | undefined> {
  const { name } = entry;
  const path = join(directory, name);
  if (isForeignName(name)) return "belongs to the file system or its tools";
  const isModelFile = isModelFileName(name, rules.extensions);
  let found: Dirent | Stats = entry;
  if (!entry.isFile() && !entry.isDirectory()) {
    try {
      found = await stat(path);
    } catch (error) {
      if (!entry.isSymbolicLink() && isMissing(error)) return undefined;
      const refusal = fromFileError(error, `what ${path} points to`);
      // Folders of models have no extension as a rule, and what has another one is no model.
      if (!isModelFile && extname(name) !== "") return refusal.message;
      return unreadable(isModelFile ? parse(name).name : name, path, refusal);
    }
  }
  if (found.isDirectory()) return await judgeFolder(name, path, rules.extensions);
  if (!isModelFile) return `has none of the extensions of models (${rules.extensions.join(", ")})`;
  const id = parse(name).name;
  if (!found.isFile()) {
    const why = `${path} is ${nameOfType(found)}, expected a file or a directory`;
    return unreadable(id, path, new RuntimeError("invalid-argument", why));
  }
  const files = [path, join(directory, `${id}.${settingsFileName}`), sharedSettings(path)];
  const fingerprint = () => fingerprintOf([...files, ...rules.beside]);
  const versions = [{ version: "", path, fingerprint }];
  return { id, path, versions, isFolder: false, refusal: undefined };
}

async function judgeFolder(
  id: string,
  path: string,
  extensions: readonly string[],
): Promise<Candidate | string> {
  try {
    const listing = await listFolder(path);
    const hasModelFile = listing.files.some((name) => isModelFileName(name, extensions));
    const numbers = hasModelFile ? [] : servedVersions(listing.folders);
    if (!hasModelFile && numbers.length === 0) {
      const why = await searchFolder(path, extensions);
      if (why !== undefined) return why;
    }
    const versions =
      numbers.length === 0
        ? [{ version: "", path, fingerprint: () => fingerprintOf([path]) }]
        : (await versionsToServe(path, numbers)).map((version) => versionIn(path, version));
    return { id, path, versions, isFolder: true, refusal: undefined };
  } catch (error) {
    return unreadable(id, path, fromFileError(error, path));
  }
}

function versionIn(folder: string, version: string): RepositoryVersion {
  const path = join(folder, version);
  const shared = sharedFiles.map((name) => join(folder, name));
  return { version, path, fingerprint: () => fingerprintOf([path, ...shared]) };
}

/** Why there is no model below `path`; undefined if there is one. */
async function searchFolder(
  path: string,
  extensions: readonly string[],
): Promise<string | undefined> {
  const search = searchModel(path, extensions);
  let step = search.next();
  while (!step.done) {
    const listed = await listFolder(step.value).then(
      (listing) => ({ listing }),
      (error: unknown) => ({ error }),
    );
    step = "listing" in listed ? search.next(listed.listing) : search.throw(listed.error);
  }
  return step.value.tag === "found" ? undefined : step.value.why.message;
}

function withoutDoubles(
  candidates: readonly Candidate[],
  extensions: readonly string[],
): Pick<RepositoryListing, "models" | "doubles"> {
  const rank = ({ refusal, isFolder, path }: Candidate) =>
    (refusal === undefined ? 0 : 100) + (isFolder ? 0 : 1 + extensions.indexOf(extname(path)));
  const models = new Map<string, Candidate>();
  const doubles: RepositoryListing["doubles"][number][] = [];
  for (const candidate of [...candidates].sort((a, b) => rank(a) - rank(b))) {
    const served = models.get(candidate.id);
    if (served === undefined) models.set(candidate.id, candidate);
    else doubles.push({ id: candidate.id, served: served.path, ignored: candidate.path });
  }
  return { models: [...models.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), doubles };
}

function unreadable(id: string, path: string, refusal: RuntimeError): Candidate {
  return { id, path, versions: [], isFolder: false, refusal };
}

/** Settings that `path` shares with what lies beside it. */
function sharedSettings(path: string): string {
  return join(dirname(path), settingsFileName);
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
