import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { folderOf } from "../../scripts/rooms/lint-rules.ts";
import type { Room } from "../../scripts/rooms/room.ts";
import { rooms } from "../../scripts/rooms/rooms.ts";
import { runTool } from "./command.ts";
import { type LayerRule, layerRules } from "./layer-rules.ts";
import { inTemporaryFolder } from "./temporary-folder.ts";

/** The shapes that an import can take, each on one line. */
const forms: readonly ((specifier: string, name: string) => string)[] = [
  (specifier, name) => `import * as ${name} from "${specifier}"; export { ${name} };`,
  (specifier, name) => `export type { ${name} } from "${specifier}";`,
  (specifier, name) => `export const ${name} = import("${specifier}");`,
];

/** What a folder that may not block must not import, and what it may. */
const blockingFiles = ['import { readFileSync } from "node:fs";', 'import * as fs from "node:fs";'];
const waitingFiles = ['import { createReadStream, type Stats } from "node:fs";'];

const cycleFiles = {
  "src/rpc/planted-cycle-a.ts": 'export { b } from "./planted-cycle-b.ts";\nexport const a = 1;\n',
  "src/rpc/planted-cycle-b.ts": 'export { a } from "./planted-cycle-a.ts";\nexport const b = 1;\n',
};

/** Proves the linter's layer rules: plants every forbidden import, in every form, in a folder that has
 *  nothing but the linter's configuration, and sees that the linter refuses those and no other. Also
 *  refuses folders without rules and comments that switch the rules off. One line per problem.
 *  `tools`: where node_modules is. */
export async function checkLayers(root: string, tools = root): Promise<string[]> {
  const planted = Object.fromEntries([
    ...layerRules.map((rule) => [rule.file, plantedLines(rule).join("\n")]),
    ...rooms.map((room) => [blockingFile(room), fileLines.join("\n")]),
  ]);
  const restricted = await lint({ root, tools, rule: "style/noRestrictedImports", files: planted });
  // In a folder of their own: the planted imports are one knot of cycles, in which the linter searches for a minute.
  const cyclic = await lint({ root, tools, rule: "suspicious/noImportCycles", files: cycleFiles });
  return [
    ...(typeof restricted === "string"
      ? [restricted]
      : [
          ...layerRules.flatMap((rule) => judge(rule, restricted)),
          ...rooms.flatMap((room) => judgeFiles(room, restricted)),
        ]),
    ...(typeof cyclic === "string" ? [cyclic] : judgeCycle(cyclic)),
    ...foldersWithoutRules(root),
    ...suppressions(root),
  ];
}

interface LintRun {
  readonly root: string;
  readonly tools: string;
  /** Group and name. Others would only take time. */
  readonly rule: string;
  /** Texts by path. */
  readonly files: Readonly<Record<string, string>>;
}

/** Lints files that exist for this alone. Resolves with every finding as "rule file:line", or with what went wrong. */
async function lint({ root, tools, rule, files }: LintRun): Promise<ReadonlySet<string> | string> {
  return await inTemporaryFolder(async (folder) => {
    for (const file of ["biome.json", ".gitignore", "package.json"]) {
      cpSync(join(root, file), join(folder, file));
    }
    for (const [file, text] of Object.entries(files)) write(folder, file, text);
    const { status, stdout, stderr } = await runTool(
      tools,
      ["biome", "lint", "--reporter=json", "--max-diagnostics=none", `--only=${rule}`, "src"],
      folder,
    );
    if (!stdout.startsWith("{")) return `biome ended with status ${status}: ${stdout}${stderr}`;
    return readRefusals(stdout);
  });
}

function plantedLines(rule: LayerRule): string[] {
  return [...rule.refused, ...rule.allowed].flatMap((target, index) =>
    forms.map((form, shape) => form(specifierFor(rule.file, target), `planted${index}x${shape}`)),
  );
}

/** Paths of our own become relative to the file that imports them. */
function specifierFor(file: string, target: string): string {
  if (!/^(src|gen)\//.test(target)) return target;
  const path = relative(dirname(file), target);
  return path.startsWith(".") ? path : `./${path}`;
}

function judge(rule: LayerRule, refusals: ReadonlySet<string>): string[] {
  return plantedLines(rule).flatMap((line, index) => {
    const expected = index < rule.refused.length * forms.length;
    const refused = refusals.has(`noRestrictedImports ${rule.file}:${index + 1}`);
    if (refused === expected) return [];
    return [`the linter ${refused ? "refuses" : "accepts"} in ${rule.name}: ${line}`];
  });
}

const fileLines = [...blockingFiles, ...waitingFiles];

function blockingFile(room: Room): string {
  return `${folderOf(room)}/planted-files.ts`;
}

function judgeFiles(room: Room, refusals: ReadonlySet<string>): string[] {
  return fileLines.flatMap((line, index) => {
    if (room.runs.includes("browsers")) return [];
    const expected = !room.hasBlockingFiles && index < blockingFiles.length;
    const refused = refusals.has(`noRestrictedImports ${blockingFile(room)}:${index + 1}`);
    if (refused === expected) return [];
    return [`the linter ${refused ? "refuses" : "accepts"} in ${folderOf(room)}: ${line}`];
  });
}

function judgeCycle(refusals: ReadonlySet<string>): string[] {
  return Object.keys(cycleFiles)
    .filter((file) => !refusals.has(`noImportCycles ${file}:1`))
    .map((file) => `the linter accepts ${file}, which is part of an import cycle`);
}

/** Every finding as "rule file:line". */
function readRefusals(report: string): Set<string> {
  const { diagnostics } = JSON.parse(report) as {
    diagnostics: {
      category: string;
      severity: string;
      location: { path: string; start: { line: number } };
    }[];
  };
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  return new Set(
    errors.map(({ category, location: { path, start } }) => {
      const rule = category.slice(category.lastIndexOf("/") + 1);
      return `${rule} ${path}:${start.line}`;
    }),
  );
}

function foldersWithoutRules(root: string): string[] {
  const files = globSync("src/**/*.{ts,tsx,js,cjs}", { cwd: root });
  const folders = [...new Set(files.map((file) => dirname(file)))];
  const isRoom = (folder: string) =>
    rooms.some((room) => {
      const own = folderOf(room);
      return folder === own || (room.isDeep && folder.startsWith(`${own}/`));
    });
  return folders
    .filter((folder) => !isRoom(folder))
    .map((folder) => `${folder} is no room: give it a row in scripts/rooms`);
}

function suppressions(root: string): string[] {
  return globSync("src/**/*.{ts,js,cjs}", { cwd: root })
    .filter((file) => /biome-ignore.*no(RestrictedImports|ImportCycles)/.test(read(root, file)))
    .map((file) => `${file} switches a layer rule off`);
}

function read(root: string, file: string): string {
  return readFileSync(join(root, file), "utf8");
}

function write(root: string, file: string, text: string): void {
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
}
