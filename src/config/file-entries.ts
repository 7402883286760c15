import type { Document, LineCounter, Pair } from "yaml";
import { readRegularFile } from "../base/files/regular-file.ts";

/** What a file contains for one setting, not validated yet. */
export interface FileEntry {
  /** The key, as written. */
  readonly name: string;
  readonly value: unknown;
  /** The file and the line. */
  readonly where: string;
}

/** The settings in a file, in its order; a name may occur twice. */
export interface ConfigFile {
  readonly path: string;
  readonly entries: readonly FileEntry[];
  /** Why the file cannot be read as settings; `entries` may then be incomplete. */
  readonly problems: readonly string[];
}

/** Reads a YAML file, or a JSON file, since JSON is YAML too. Never rejects. */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    return await parseConfigFile(path, String(await readRegularFile(path)));
  } catch (error) {
    return { path, entries: [], problems: [`cannot read settings: ${(error as Error).message}`] };
  }
}

async function parseConfigFile(path: string, text: string): Promise<ConfigFile> {
  // Loading the parser takes longer than the rest of a start without a file.
  const { isMap, LineCounter, parseDocument } = await import("yaml");
  const lines = new LineCounter();
  // The reader reports a name that occurs twice, because it knows the names.
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false });
  const problems = document.errors.map(
    ({ message, pos: [start] }) =>
      `${path}:${lines.linePos(start).line}: ${message.replace(/ at line \d+.*$/s, "")}`,
  );
  if (problems.length > 0 || document.contents === null) return { path, entries: [], problems };
  if (!isMap(document.contents)) {
    return {
      path,
      entries: [],
      problems: [`${path} is not a map of settings: expected lines such as port: 8085`],
    };
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

/** The plain value of a YAML node; aliases are followed. */
function plain(node: unknown, document: Document): unknown {
  const { toJS } = node as { readonly toJS?: (document: Document) => unknown };
  return toJS === undefined ? node : toJS.call(node, document);
}
