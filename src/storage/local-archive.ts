import { lstat, realpath, stat } from "node:fs/promises";
import { sep } from "node:path";
import { RuntimeError } from "../base/errors.ts";
import { fromFileError } from "../base/files/file-errors.ts";
import { archiveOf } from "./archives/archive-names.ts";
import { baseName } from "./contract/object-listing.ts";
import type { ArchiveFormat, RemoteStorage } from "./contract/remote-storage.ts";

/** An archive on this machine. */
export interface LocalArchive {
  /** Absolute, without links. */
  readonly path: string;
  readonly format: ArchiveFormat;
}

/** The archive at the absolute `path`; undefined if that is another file, a folder, or nothing, which others report.
 *  Throws "invalid-argument" if it is a link that leads out of `roots`, absolute directories. */
export async function findLocalArchive(
  path: string,
  roots: readonly string[],
): Promise<LocalArchive | undefined> {
  const format = archiveOf(baseName(path))?.format;
  if (format === undefined) return undefined;
  const target = await realpath(path).catch(() => undefined);
  const found = target === undefined ? undefined : await stat(target).catch(() => undefined);
  if (target === undefined || found?.isFile() !== true) return undefined;
  const real = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  const isInside = (root: string) => target.startsWith(root.endsWith(sep) ? root : root + sep);
  if (real.some(isInside)) return { path: target, format };
  throw new RuntimeError(
    "invalid-argument",
    `${path} is a link out of the model directories (${roots.join(", ")})`,
  );
}

/** The archive as a store with one file. */
export function openLocalArchive({ path, format }: LocalArchive): RemoteStorage {
  const archive = { format, below: "", isLayer: false };
  return {
    origin: `file ${path}`,
    list: async () => {
      const version = await localVersion(path);
      // It takes no room itself.
      const facts = { name: baseName(path), sizeBytes: 0, version };
      const signature = `${path}.sig`;
      const isSigned = await lstat(signature).then(
        () => true,
        () => false,
      );
      return {
        isFolder: true,
        files: [{ key: path, ...facts, archive, localPath: path }],
        archiveSignature: isSigned ? baseName(signature) : undefined,
      };
    },
    open: async () => {
      throw new Error("an archive on this machine is read where it lies");
    },
    close: () => {},
  };
}

/** Changes when the file is written to or replaced. */
export async function localVersion(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true }).catch((error: unknown) => {
    throw fromFileError(error, path);
  });
  return `${dev}:${ino}:${size}:${mtimeNs}`;
}
