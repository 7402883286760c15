import type { Document, LineCounter, Pair } from "yaml";
import { readRegularFile } from "../base/regular-file.ts";

/** What a file says of one setting, before anybody looked whether it may. */
export interface FileEntry {
  /** The key, as written. */
  readonly name: string;
  readonly value: unknown;
  /** The file and the line. */
  readonly where: string;
}

/** The settings of a file, in its order; a name may be there twice. */
export interface ConfigFile {
  readonly path: string;
  readonly entries: readonly FileEntry[];
  /** Why it cannot be read, or not as settings; then `entries` may lack some. */
  readonly problems: readonly string[];
}

/** Reads a YAML file, or a JSON file, which is YAML as well. Never rejects. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    return await parseConfigFile(path, String(await readRegularFile(path)));
  } catch (error) {
    return { path, entries: [], problems: [`cannot read settings: ${(error as Error).message}`] };
  }
}

async function parseConfigFile(path: string, text: string): Promise<ConfigFile> {
  // It takes longer to load than everything else that a start without a file needs.
  const { isMap, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  // A name that is there twice is for the reader to say: with the name.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false });
  const problems = document.errors.map(
    ({ message, pos: [start] }) =>
      `${path}:${lines.linePos(start).line}: ${message.replace(/ at line \d+.*$/s, "")}`,
  );
  if (problems.length > 0 || document.contents === null) return { path, entries: [], problems };
  if (!isMap(document.contents)) {
    return { path, entries: [], problems: [`${path} must have settings by name, like port: 8085`] };
  }
  const entries = document.contents.items.map((pair) => entryOf(pair, { path, document, lines }));
  return { path, entries, problems: [] };
}

function entryOf(
  { key, value }: Pair,
  file: { readonly path: string; readonly document: Document; readonly lines: LineCounter },
): FileEntry {
  const { path, document, lines } = file;
  const [start] = (key as { readonly range?: readonly number[] | null }).range ?? [0];
  return {
    name: String(plain(key, document)),
    value: plain(value, document),
    where: `${path}:${lines.linePos(start ?? 0).line}`,
  };
}

/** The value without the marks of its syntax; aliases are followed. */
function plain(node: unknown, document: Document): unknown {
  const { toJS } = node as { readonly toJS?: (document: Document) => unknown };
  return toJS === undefined ? node : toJS.call(node, document);
}
