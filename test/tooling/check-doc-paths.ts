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

/** One line for each path that a page names, in code or as the target of a link, and that does not exist, and
 *  for each link to a heading that its page does not have. A path with `*` or braces must match something. */
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
        const links = linkTargets(line).filter((target) => !isReachable(root, page, target));
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

/** Targets of links, but for those to other sites. */
function linkTargets(line: string): string[] {
  return [...line.matchAll(/\]\(([^)\s]+)[^)]*\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/i.test(target));
}

function isReachable(root: string, page: string, target: string): boolean {
  const [path = "", heading] = target.split("#", 2);
  const file = path === "" ? page : posix.join(dirname(page), path);
  if (!exists(root, file)) return false;
  if (heading === undefined || !file.endsWith(".md")) return true;
  const lines = readFileSync(join(root, file), "utf8").split("\n");
  return lines.some((line) => /^#{1,6} /.test(line) && anchorOf(line) === heading);
}

/** The fragment that leads to a heading on GitHub, as long as no other heading of its page is the same. */
function anchorOf(line: string): string {
  const heading = line.replace(/^#+ /, "").trim().toLowerCase();
  return heading.replace(/[^\p{L}\p{N}_ -]/gu, "").replaceAll(" ", "-");
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
