import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

/** What lies beside a build: of what it was made, and what came out, by content. */
interface BuildRecord {
  /** SHA-256 by path from the root. */
  readonly sources: Readonly<Record<string, string>>;
  /** SHA-256 by name. */
  readonly outputs: Readonly<Record<string, string>>;
  readonly report: string;
}

const recordName = "build.json";

/** The report of the build in `folder`, if making it of the sources under `root` once more would make the
 *  same: no source and no output has changed or is missing since. */
export async function currentReport(root: string, folder: string): Promise<string | undefined> {
  try {
    const text = await readFile(join(folder, recordName), "utf8");
    const { sources, outputs, report } = JSON.parse(text) as BuildRecord;
    const unchanged = await Promise.all([
      ...Object.entries(sources).map(([path, digest]) => has(resolve(root, path), digest)),
      ...Object.entries(outputs).map(([name, digest]) => has(join(folder, name), digest)),
    ]);
    return unchanged.every(Boolean) ? report : undefined;
  } catch {
    return undefined; // There is none, or none that can be read: whoever builds makes one.
  }
}

/** Notes how the files `outputs` of `folder` were made of `sources`, for `currentReport`. */
export async function recordBuild(
  folder: string,
  build: {
    readonly root: string;
    /** Paths, absolute or from the root. */
    readonly sources: readonly string[];
    readonly outputs: readonly string[];
    readonly report: string;
  },
): Promise<void> {
  const { root, report } = build;
  const sources = build.sources.map((path) => resolve(root, path));
  const paths = [...new Set([...sources, ...sources.flatMap(packageOf)])];
  const record: BuildRecord = {
    sources: await digests(paths, (path) => [relative(root, path), path]),
    outputs: await digests(build.outputs, (name) => [name, join(folder, name)]),
    report,
  };
  await writeFile(join(folder, recordName), JSON.stringify(record, undefined, 1));
}

/** The manifest of the package that a file is of: it says which of its files are taken. */
function packageOf(path: string): string[] {
  const [folder] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+\//.exec(path.replaceAll("\\", "/")) ?? [];
  return folder === undefined ? [] : [resolve(folder, "package.json")];
}

async function digests(
  items: readonly string[],
  read: (item: string) => readonly [key: string, path: string],
): Promise<Record<string, string>> {
  const entries = items.map(read).map(async ([key, path]) => [key, await digestOf(path)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

async function has(path: string, digest: string): Promise<boolean> {
  return (await digestOf(path)) === digest;
}

async function digestOf(path: string): Promise<string> {
  return createHash("sha256")
    .update(await readFile(path))
    .digest("hex");
}
