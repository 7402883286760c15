import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, extname, join, parse } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { nameOfType } from "../../base/files/regular-file.ts";
import { settingsFileName } from "../../config/run-settings.ts";
import {
  isDoubtfulName,
  isForeignName,
  isModelFileName,
  type ModelNames,
} from "../../models/names.ts";
import { searchModel } from "../../models/search.ts";
import { servedVersions } from "../../models/served-versions.ts";
import { tritonConfigName, type VersionPolicy } from "../../models/triton-config.ts";
import { archiveOf } from "../archives/archive-names.ts";
import { fingerprintOf } from "./file-fingerprint.ts";
import { holdsModel, listFolder, readStep } from "./list-folder.ts";
import { chooseVersions, refuseVersionFields, settingsState } from "./version-policy.ts";

export interface RepositoryVersion {
  /** The name of the numbered folder; "" for a model without versions. */
  readonly version: string;
  /** The absolute path of the folder or file. */
  readonly path: string;
  /** Changes when the files do, including weights beside the model file and settings. Reads the disk. */
  fingerprint(): Promise<string>;
}

export interface RepositoryEntry {
  /** The folder's name, or the file's name without its extension. A link counts by its own name. */
  readonly id: string;
  /** Lowest first; empty if the model cannot be read. */
  readonly versions: readonly RepositoryVersion[];
  /** Alias → one of the versions. Absent: there are none. */
  readonly aliases?: ReadonlyMap<string, string>;
  /** Which versions are served; absent: all of them, and no file says so. */
  readonly policy?: VersionPolicy | undefined;
  /** Why it cannot be read. */
  readonly refusal: RuntimeError | undefined;
}

export interface RepositoryListing {
  /** By name. */
  readonly models: readonly RepositoryEntry[];
  /** Entries that are not models, and why. */
  readonly ignored: readonly { readonly name: string; readonly why: string }[];
  /** Entries that would be models, if another one did not have their name. */
  readonly doubles: readonly {
    readonly id: string;
    readonly served: string;
    readonly ignored: string;
  }[];
}

/** An entry, and where it lies. */
interface Candidate extends RepositoryEntry {
  readonly path: string;
  readonly isFolder: boolean;
}

/** Text about models, which never contains weights. */
const documents = /\.(md|txt)$/;

/** Lists a local model repository. Each entry of `directory` that looks like a model is one: a file that is one of
 *  `kinds` by its name or content, or a folder in which `searchModel` finds a model or which has versions (folders
 *  with numeric names). The first of `kinds` that fits counts. Names that start with "." or "_" belong to other
 *  programs, `*.md` files are documentation, and `*modelport.json` holds settings. Other entries are ignored. If
 *  two entries would be the same model, the readable one is used, of two readable ones the folder, and of two
 *  files the one of the first kind. Throws if `directory` itself cannot be read. */
export async function listModelRepository(
  directory: string,
  kinds: readonly ModelNames[],
): Promise<RepositoryListing> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((error: unknown) => {
    throw fromFileError(error, `model repository '${directory}'`);
  });
  const candidates: Candidate[] = [];
  const ignored: { name: string; why: string }[] = [];
  /** Possible weights of models that are files: everything that is not a model itself. */
  const beside: string[] = [];
  const classify = async (entry: Dirent) => {
    const { name } = entry;
    if (/^[._]/.test(name) || name.endsWith(".md") || name.endsWith(settingsFileName)) return;
    const verdict = await judge(directory, entry, { kinds, beside });
    if (verdict === undefined) return;
    if (typeof verdict !== "string") candidates.push(verdict);
    else {
      // The signature of a file or folder beside it.
      if (!name.endsWith(".sig")) ignored.push({ name, why: verdict });
      if (!isForeignName(name) && !documents.test(name)) beside.push(join(directory, name));
    }
  };
  await Promise.all(entries.map(classify));
  ignored.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { ...withoutDoubles(candidates, kinds), ignored };
}

interface Rules {
  readonly kinds: readonly ModelNames[];
  /** Complete before the first fingerprint is requested. */
  readonly beside: readonly string[];
}

/** The model of an entry, or why it is not a model; undefined if it has disappeared meanwhile. */
async function judge(
  directory: string,
  entry: Dirent,
  rules: Rules,
): Promise<Candidate | string | undefined> {
  const { name } = entry;
  const path = join(directory, name);
  if (isForeignName(name)) return "belongs to the file system or its tools";
  const isModelName = hasModelName(name, rules.kinds);
  let found: Dirent | Stats = entry;
  if (!entry.isFile() && !entry.isDirectory()) {
    try {
      found = await stat(path);
    } catch (error) {
      if (!entry.isSymbolicLink() && isMissing(error)) return undefined;
      const refusal = fromFileError(error, `what ${path} points to`);
      // Model folders usually have no extension, and an entry with another extension is not a model.
      if (!isModelName && extname(name) !== "") return refusal.message;
      return unreadable(isModelName ? parse(name).name : name, path, refusal);
    }
  }
  if (found.isDirectory()) return await judgeFolder(name, path, rules.kinds);
  const archive = found.isFile() ? archiveOf(name) : undefined;
  if (archive !== undefined) return packed(archive.stem, path);
  if (!isModelName && !(found.isFile() && (await isModelByContent(name, path, rules.kinds)))) {
    const extensions = new Set(rules.kinds.flatMap((kind) => kind.extensions));
    return `does not have a model extension (${[...extensions].join(", ")})`;
  }
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

/** An archive's content is known when it is unpacked, by its load. */
function packed(id: string, path: string): Candidate {
  const versions = [{ version: "", path, fingerprint: () => fingerprintOf([path]) }];
  return { id, path, versions, isFolder: false, refusal: undefined };
}

function hasModelName(name: string, kinds: readonly ModelNames[]): boolean {
  return kinds.some((kind) => isModelFileName(name, kind));
}

/** Whether the file at `path` is one by its name or its content. */
export async function isModelFile(
  name: string,
  path: string,
  kinds: readonly ModelNames[],
): Promise<boolean> {
  return hasModelName(name, kinds) || (await isModelByContent(name, path, kinds));
}

async function isModelByContent(
  name: string,
  path: string,
  kinds: readonly ModelNames[],
): Promise<boolean> {
  for (const kind of kinds) {
    if (isDoubtfulName(name, kind) && (await holdsModel(path, kind))) return true;
  }
  return false;
}

/** The model in the folder at `path`, or why it is not one. */
export async function judgeFolder(
  id: string,
  path: string,
  kinds: readonly ModelNames[],
): Promise<Candidate | string> {
  try {
    const listing = await listFolder(path);
    let numbers: readonly string[] = [];
    let refusal: string | undefined;
    for (const kind of kinds) {
      const isFolder = kind.isFolder?.(listing) === true;
      const hasModelFile = isFolder || listing.files.some((name) => isModelFileName(name, kind));
      numbers = hasModelFile ? [] : servedVersions(listing.folders);
      // A file beside the versions would be the model, and only the kinds of files know.
      if (kind.isFolder !== undefined && numbers.length > 0) continue;
      const why = hasModelFile || numbers.length > 0 ? undefined : await searchFolder(path, kind);
      // The first kind of files is the most usual, so its reason is reported.
      if (why !== undefined && kind.isFolder !== undefined) continue;
      refusal = why === undefined ? undefined : (refusal ?? why);
      if (why === undefined) break;
    }
    if (refusal !== undefined) return refusal;
    if (numbers.length === 0) {
      await refuseVersionFields(path, listing.files);
      const versions = [{ version: "", path, fingerprint: () => fingerprintOf([path]) }];
      return { id, path, versions, isFolder: true, refusal: undefined };
    }
    const { versions: chosen, ...names } = await chooseVersions(path, listing.files, numbers);
    const versions = chosen.map((version) => versionIn(path, version));
    return { id, path, versions, ...names, isFolder: true, refusal: undefined };
  } catch (error) {
    return unreadable(id, path, fromFileError(error, path));
  }
}

function versionIn(folder: string, version: string): RepositoryVersion {
  const path = join(folder, version);
  const fingerprint = async () => {
    const files = await fingerprintOf([path, join(folder, tritonConfigName)]);
    return `${files}${await settingsState(folder)}`;
  };
  return { version, path, fingerprint };
}

/** Why there is no model below `path`; undefined if there is one. */
async function searchFolder(path: string, kind: ModelNames): Promise<string | undefined> {
  const search = searchModel(path, kind);
  let step = search.next();
  while (!step.done) {
    const listed = await readStep(step.value, kind).then(
      (listing) => ({ listing }),
      (error: unknown) => ({ error }),
    );
    step = "listing" in listed ? search.next(listed.listing) : search.throw(listed.error);
  }
  return step.value.tag === "found" ? undefined : step.value.why.message;
}

function withoutDoubles(
  candidates: readonly Candidate[],
  kinds: readonly ModelNames[],
): Pick<RepositoryListing, "models" | "doubles"> {
  const extensions = kinds.flatMap((kind) => kind.extensions);
  const place = (path: string) => {
    const at = extensions.indexOf(extname(path));
    return at < 0 ? extensions.length : at;
  };
  const rank = ({ refusal, isFolder, path }: Candidate) =>
    (refusal === undefined ? 0 : 1_000) + (isFolder ? 0 : 1 + place(path));
  const models = new Map<string, Candidate>();
  const doubles: RepositoryListing["doubles"][number][] = [];
  for (const candidate of [...candidates].sort((a, b) => rank(a) - rank(b))) {
    const served = models.get(candidate.id);
    if (served === undefined) models.set(candidate.id, candidate);
    else doubles.push({ id: candidate.id, served: served.path, ignored: candidate.path });
  }
  return { models: [...models.values()].sort((a, b) => (a.id < b.id ? -1 : 1)), doubles };
}

/** An entry of a model that cannot be read. */
export function unreadable(id: string, path: string, refusal: RuntimeError): Candidate {
  return { id, path, versions: [], isFolder: false, refusal };
}

/** Settings that `path` shares with its neighbours. */
function sharedSettings(path: string): string {
  return join(dirname(path), settingsFileName);
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
