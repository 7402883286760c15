// Writes the image's bill of materials in CycloneDX to stdout. Its argument is a file with what `npm sbom` has listed of the
// packages that are installed in the image: see the Dockerfile.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { billOfMaterials, bundledPackages } from "./bill-of-materials.ts";
import { readLockfile } from "./production-packages.ts";

const root = join(import.meta.dirname, "..");
const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("expected a file that `npm sbom` wrote");
const bill = billOfMaterials(
  readFileSync(file, "utf8"),
  "modelport",
  await bundledPackages(root, readLockfile(root)),
);
process.stdout.write(`${JSON.stringify(bill, undefined, 2)}\n`);
