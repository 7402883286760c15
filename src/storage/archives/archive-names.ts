import type { ArchiveFormat } from "../contract/remote-storage.ts";

const endings: readonly (readonly [string, ArchiveFormat])[] = [
  [".tar.gz", "tar+gzip"],
  [".tgz", "tar+gzip"],
  [".tar.zst", "tar+zstd"],
  [".tar", "tar"],
  [".zip", "zip"],
];

/** The format of an archive by the file's name, and the name without that ending. Undefined for other files. */
export function archiveOf(
  name: string,
): { readonly format: ArchiveFormat; readonly stem: string } | undefined {
  const lower = name.toLowerCase();
  const found = endings.find(([ending]) => lower.endsWith(ending) && lower.length > ending.length);
  return found && { format: found[1], stem: name.slice(0, name.length - found[0].length) };
}
