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

const cycle = ["src/rpc/planted-cycle-a.ts", "src/rpc/planted-cycle-b.ts"] as const;

/** Proves the linter's layer rules: plants every forbidden import, in every form, in a folder that has
 *  nothing but the linter's configuration, and sees that the linter refuses those and no other. Also
 *  refuses folders without rules and comments that switch the rules off. One line per problem.
 *  `tools`: where node_modules is. */
export async function checkLayers(root: string, tools = root): Promise<string[]> {
  const problems = await inTemporaryFolder(async (folder) => {
    for (const file of ["biome.json", ".gitignore", "package.json"]) {
      cpSync(join(root, file), join(folder, file));
    }
    for (const rule of layerRules) write(folder, rule.file, plantedLines(rule).join("\n"));
    for (const room of rooms) write(folder, blockingFile(room), fileLines.join("\n"));
    write(folder, cycle[0], 'export { b } from "./planted-cycle-b.ts";\nexport const a = 1;\n');
    write(folder, cycle[1], 'export { a } from "./planted-cycle-a.ts";\nexport const b = 1;\n');
    const { status, stdout, stderr } = await runTool(
      tools,
      ["biome", "lint", "--reporter=json", "--max-diagnostics=none", "src"],
      folder,
    );
    if (!stdout.startsWith("{")) return [`biome ended with status ${status}: ${stdout}${stderr}`];
    const refusals = readRefusals(stdout);
    return [
      ...layerRules.flatMap((rule) => judge(rule, refusals)),
      ...rooms.flatMap((room) => judgeFiles(room, refusals)),
      ...cycle.filter((file) => !refusals.has(`noImportCycles ${file}:1`)).map(cycleProblem),
    ];
  });
  return [...problems, ...foldersWithoutRules(root), ...suppressions(root)];
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

function cycleProblem(file: string): string {
  return `the linter accepts ${file}, which is part of an import cycle`;
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
