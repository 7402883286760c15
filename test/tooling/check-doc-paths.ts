import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

const pages = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "docs/**/*.md",
  "src/**/README.md",
  "examples/**/README.md",
  "deploy/**/README.md",
];

/** Folders whose files the docs name from the root of the repository. */
const folders = "src|test|scripts|bench|docs|deploy|examples|proto|gen";
const rootedPath = new RegExp(`^(?:\\./)?(?:${folders})/`);

/** A source file by its name, or by its name and its folder: `load-queue.ts`, `lifecycle/load-queue.ts`. */
const sourceFile = /^[\w.*-]+(?:\/[\w.*-]+)*\.(?:ts|cjs)$/;

/** One line for each path that a page names, in code or as the target of a link, and that does not exist.
 *  A path with `*` or braces must match something. */
export function checkDocPaths(root: string): string[] {
  const sources = globSync(
    [`{${folders.replaceAll("|", ",")}}/**/*.{ts,js,cjs}`, "*.{ts,js,cjs}"],
    {
      cwd: root,
      exclude: (name) => name === "node_modules",
    },
  );
  const isKnown = (path: string) => exists(root, path) || endsOne(sources, path);
  return globSync(pages, { cwd: root })
    .sort()
    .flatMap((page) => {
      const lines = readFileSync(join(root, page), "utf8").split("\n");
      return lines.flatMap((line, index) => {
        const at = `${page}:${index + 1}`;
        const code = pathsInCode(line).filter((path) => !isKnown(path));
        const links = linkTargets(line).filter((target) => !exists(root, resolve(page, target)));
        return [
          ...code.map((path) => `${at} names ${path}, which does not exist`),
          ...links.map((target) => `${at} links to ${target}, which does not exist`),
        ];
      });
    });
}

/** What a line has in backticks, word by word, as far as it looks like a path of the repository. */
function pathsInCode(line: string): string[] {
  const spans = [...line.matchAll(/`([^`]+)`/g)].flatMap(([, text = ""]) => text.split(/\s+/));
  return spans
    .map((word) => word.replace(/^[("']+/, "").replace(/[)"',;:.]+$|:\d+(?:-\d+)?$/g, ""))
    .filter((word) => rootedPath.test(word) || sourceFile.test(word));
}

/** Targets of links to other files, without their fragment. */
function linkTargets(line: string): string[] {
  return [...line.matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map(([, target = ""]) => target.replace(/#.*/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/i.test(target));
}

function resolve(page: string, target: string): string {
  return posix.join(dirname(page), target);
}

function exists(root: string, path: string): boolean {
  return /[*{]/.test(path)
    ? globSync(path, { cwd: root }).length > 0
    : existsSync(join(root, path));
}

function endsOne(sources: readonly string[], path: string): boolean {
  const pattern = path.includes("*") ? `**/${path}` : undefined;
  return sources.some((source) =>
    pattern === undefined
      ? source === path || source.endsWith(`/${path}`)
      : posix.matchesGlob(source, pattern),
  );
}
