import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isNodeItself } from "./package-manifest.ts";

/** One entry of package-lock.json, as far as it matters here. */
export interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  /** "sha512-" and the hash in base64. */
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
}

export interface Lockfile {
  readonly lockfileVersion: number;
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

export function readLockfile(root: string): Lockfile {
  return JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as Lockfile;
}

/** What an install of the package brings, by path ("node_modules/name"), as the tests run with it. */
export function productionPackages({ packages }: Lockfile): Map<string, LockedPackage> {
  const entries = Object.entries(packages).filter(
    ([path, { dev, devOptional }]) =>
      path !== "" && !dev && !devOptional && !isNodeItself(packageName(path)),
  );
  return new Map(entries);
}

/** Of "node_modules/a/node_modules/@b/c": "@b/c". */
export function packageName(path: string): string {
  return path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
}

/** Whether it is installed here: packages for other platforms are not. */
export function isInstalled(root: string, path: string): boolean {
  return existsSync(join(root, path, "package.json"));
}
