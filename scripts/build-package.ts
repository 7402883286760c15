// `npm run package`: makes dist/package, which is what users install, and beside it the tarball and its list
// of materials. The sources run as they are, but Node strips no types under node_modules, so that the
// package has them compiled.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { billOfMaterials, bundledPackages } from "./bill-of-materials.ts";
import { buildDashboard } from "./dashboard-bundle.ts";
import { type Manifest, packageManifest } from "./package-manifest.ts";
import { productionPackages, readLockfile } from "./production-packages.ts";
import { bundleProgram } from "./program-bundle.ts";
import { thirdPartyNotices } from "./third-party-notices.ts";

const root = join(import.meta.dirname, "..");
const { values } = parseArgs({
  options: { into: { type: "string", default: join(root, "dist") } },
});
const folder = join(values.into, "package");
const program = join(folder, "dist");

rmSync(folder, { recursive: true, force: true });
mkdirSync(program, { recursive: true });
for (const file of ["README.md", "CHANGELOG.md", "LICENSE", "NOTICE", "proto"]) {
  cpSync(join(root, file), join(folder, file), { recursive: true });
}
await bundleProgram(program);
await buildDashboard(root, join(program, "dashboard"));
// Says of which sources it was made, and there are none in the package.
rmSync(join(program, "dashboard/build.json"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Manifest;
const published = packageManifest(manifest);
const lockfile = readLockfile(root);
writeJson("package.json", published);
// For the list of materials: what the tests ran with. npm packs no lockfile.
writeJson("package-lock.json", {
  name: published.name,
  version: published.version,
  lockfileVersion: lockfile.lockfileVersion,
  requires: true,
  packages: { "": published, ...Object.fromEntries(productionPackages(lockfile)) },
});
write("THIRD-PARTY-NOTICES.txt", await thirdPartyNotices(root, lockfile));

const listed = npm(
  "sbom",
  "--sbom-format=cyclonedx",
  "--sbom-type=application",
  "--package-lock-only",
);
const bill = billOfMaterials(listed, published.name, await bundledPackages(root, lockfile));
writeJson("sbom.cdx.json", bill);

// npm prints the name of the tarball.
const tarball = npm("pack", "--pack-destination", values.into, "--silent").trim();
// Also beside it, for those who look before they install.
const sbom = tarball.replace(/\.tgz$/, ".cdx.json");
cpSync(join(folder, "sbom.cdx.json"), join(values.into, sbom));
for (const file of [tarball, sbom]) process.stdout.write(`${join(values.into, file)}\n`);

function npm(...args: string[]): string {
  return execFileSync("npm", args, { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 ** 2 });
}

function writeJson(file: string, value: unknown): void {
  write(file, JSON.stringify(value, undefined, 2));
}

function write(file: string, text: string): void {
  writeFileSync(join(folder, file), `${text.trimEnd()}\n`);
}
