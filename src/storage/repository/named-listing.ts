import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { RuntimeError } from "../../base/errors.ts";
import { fromFileError } from "../../base/files/file-errors.ts";
import { isStorageUri, type NamedModel } from "../../config/hosting/named-models.ts";
import type { ModelNames } from "../../models/names.ts";
import { fingerprintOf } from "./file-fingerprint.ts";
import { listFolder } from "./list-folder.ts";
import {
  isModelFile,
  judgeFolder,
  listModelRepository,
  type RepositoryEntry,
  type RepositoryListing,
  unreadable,
} from "./model-repository.ts";

/** Lists the models that the operator named, as entries of a model repository that may have any name and lie anywhere,
 *  with those of the repository in `directory`, if there is one. A named model has precedence. One that cannot be read
 *  is listed with its refusal. Throws as `listModelRepository`. */
export async function listNamedModels(
  { named, directory }: { named: readonly NamedModel[]; directory: string | undefined },
  kinds: readonly ModelNames[],
): Promise<RepositoryListing> {
  const [entries, others] = await Promise.all([
    Promise.all(named.map((each) => entryOf(each, kinds))),
    directory === undefined ? undefined : listModelRepository(directory, kinds),
  ]);
  const byName = new Map(named.map(({ name, path }) => [name, path]));
  const { models = [], ignored = [], doubles = [] } = others ?? {};
  const hidden = models.flatMap(({ id, versions }) => {
    const served = byName.get(id);
    return served === undefined ? [] : [{ id, served, ignored: versions[0]?.path ?? id }];
  });
  const all = [...entries, ...models.filter(({ id }) => !byName.has(id))];
  return {
    models: all.sort((a, b) => (a.id < b.id ? -1 : 1)),
    ignored,
    doubles: [...doubles, ...hidden],
  };
}

async function entryOf(
  { name, path }: NamedModel,
  kinds: readonly ModelNames[],
): Promise<RepositoryEntry> {
  if (isStorageUri(path)) {
    // The puller sees what has changed in the store, when it loads.
    const version = { version: "", path, fingerprint: async () => "" };
    return { id: name, versions: [version], refusal: undefined };
  }
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return await fileEntry(name, path, kinds);
    const verdict = await judgeFolder(name, path, kinds);
    return typeof verdict === "string" ? refused(name, path, verdict) : verdict;
  } catch (error) {
    return unreadable(name, path, fromFileError(error, path));
  }
}

async function fileEntry(
  name: string,
  path: string,
  kinds: readonly ModelNames[],
): Promise<RepositoryEntry> {
  if (!(await isModelFile(basename(path), path, kinds))) {
    const extensions = new Set(kinds.flatMap((kind) => kind.extensions));
    return refused(
      name,
      path,
      `${path} is not a model: expected a file with one of the extensions ${[...extensions].join(", ")}, or a folder`,
    );
  }
  // Weights and settings may lie beside it.
  const fingerprint = async () => {
    const { files } = await listFolder(dirname(path));
    return await fingerprintOf(files.map((file) => join(dirname(path), file)));
  };
  return { id: name, versions: [{ version: "", path, fingerprint }], refusal: undefined };
}

function refused(name: string, path: string, why: string): RepositoryEntry {
  return unreadable(name, path, new RuntimeError("invalid-argument", why));
}
