import { readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly inBundle?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

type LockedPackages = Readonly<Record<string, LockedPackage>>;

/** Whether package-lock.json installs the same packages everywhere: it names no registry, pins every
 *  package that this platform installs by its hash, and is complete, packages for other platforms
 *  included. (`npm install` leaves those out where its registry lacks them, and then `npm ci` refuses the
 *  file.) One line per problem. */
export function checkLockfile(root: string): string[] {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: LockedPackages;
  };
  if (Object.keys(packages).every((path) => path === "")) {
    return ["package-lock.json lists no package"];
  }
  return Object.entries(packages).flatMap(([path, locked]) => [
    ...missingDependencies(packages, path, locked),
    ...(path === "" ? [] : entryProblems(path, locked)),
  ]);
}

function entryProblems(path: string, locked: LockedPackage): string[] {
  const needsHash = !locked.inBundle && !isForeign(locked);
  return [
    ...(locked.resolved === undefined ? [] : [`${path} names an address: ${locked.resolved}`]),
    ...(locked.integrity === undefined && needsHash ? [`${path} has no hash`] : []),
  ];
}

/** Whether the package is an optional one that no machine like this installs. */
function isForeign({ optional, os, cpu, libc }: LockedPackage): boolean {
  const excludes = (list: readonly string[] | undefined, own: string) =>
    list !== undefined && !list.includes(own);
  return (
    optional === true &&
    (excludes(os, process.platform) || excludes(cpu, process.arch) || excludes(libc, "glibc"))
  );
}

function missingDependencies(
  packages: LockedPackages,
  path: string,
  locked: LockedPackage,
): string[] {
  const { dependencies, optionalDependencies, devDependencies } = locked;
  const names = Object.keys({ ...dependencies, ...optionalDependencies, ...devDependencies });
  return names
    .filter((name) => !resolves(packages, path, name))
    .map((name) => `${name}, which ${path || "package.json"} needs, is missing`);
}

/** Looks `name` up as Node does: in the package's own node_modules, then in those further up. */
function resolves(packages: LockedPackages, from: string, name: string): boolean {
  const candidate = from === "" ? `node_modules/${name}` : `${from}/node_modules/${name}`;
  if (candidate in packages) return true;
  if (from === "") return false;
  const parent = from.lastIndexOf("/node_modules/");
  return resolves(packages, parent === -1 ? "" : from.slice(0, parent), name);
}
