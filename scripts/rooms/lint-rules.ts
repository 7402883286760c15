import { posix } from "node:path";
import { type PackageGroup, packageGroups, type Room } from "./room.ts";

interface Restriction {
  readonly group: readonly string[];
  readonly message: string;
}

/** The linter configuration `text` with one override per room in `rooms`, which bans the imports that the
 *  room may not have. */
export function withLintRules(text: string, rooms: readonly Room[]): string {
  const configuration = JSON.parse(text) as { overrides: { includes: readonly string[] }[] };
  const others = configuration.overrides.filter(
    ({ includes }) => !includes.some((pattern) => pattern.startsWith("src/")),
  );
  configuration.overrides = [...rooms.map((room) => override(room, rooms)), ...others];
  return `${JSON.stringify(configuration, undefined, 2)}\n`;
}

/** A room's name for readers. */
export function folderOf({ path }: Room): string {
  return path === "." ? "src" : `src/${path}`;
}

function override(room: Room, rooms: readonly Room[]) {
  const folder = folderOf(room);
  return {
    includes: [room.isDeep ? `${folder}/**` : `${folder}/*.ts`],
    linter: {
      rules: {
        style: {
          noRestrictedImports: {
            level: "error",
            options: {
              ...(room.hasBlockingFiles ? {} : { paths: { "node:fs": filesThatWait(folder) } }),
              patterns: [ownCode(room, rooms), ...packages(room)],
            },
          },
        },
      },
    },
  };
}

/** The parts of node:fs that do not block, as far as they are needed. */
const waiting = [
  "constants",
  "createReadStream",
  "createWriteStream",
  "Dirent",
  "Stats",
  "BigIntStats",
];

function filesThatWait(folder: string) {
  return {
    allowImportNames: waiting,
    message: `${folder} may not block: use node:fs/promises, or move the work to a room that may.`,
  };
}

function ownCode(room: Room, rooms: readonly Room[]): Restriction {
  const message = `${folderOf(room)} may import ${listOf(room)}: see its README.`;
  if (room.isDeep) {
    const others = rooms.filter(({ path }) => path !== "." && path !== room.path);
    const group = others.map(({ path }) => `**/${path}/**`);
    const allowed = room.imports.map((path) => `!**/${path}${path.endsWith(".ts") ? "" : "/**"}`);
    return { group: [...group, ...allowed], message };
  }
  const allowed = room.imports.map((path) => {
    const target = posix.relative(folderOf(room), posix.join("src", path));
    const relative = target.startsWith(".") ? target : `./${target}`;
    return path.endsWith(".ts") ? `!${relative}` : `!${relative}/*`;
  });
  const generated = room.packages?.includes("generated code") ? ["!**/gen/**"] : [];
  return { group: ["../**", "./*/**", ...allowed, "!**/package.json", ...generated], message };
}

function listOf({ imports }: Room): string {
  return imports.length === 0 ? "nothing of ours" : imports.join(", ");
}

function packages(room: Room): Restriction[] {
  const groups = Object.keys(packageGroups) as PackageGroup[];
  return groups
    .filter((name) => !mayImport(room, name))
    .map((name) => ({
      group: packageGroups[name],
      message: `${folderOf(room)} may not import ${name}.`,
    }));
}

/** Only browser code must work without Node. */
export function mayImport(room: Room, group: PackageGroup): boolean {
  if (group === "node built-ins") return !room.runs.includes("browsers");
  return room.packages?.includes(group) ?? false;
}
