import { pagePackages } from "./page-packages.ts";
import { type Lockfile, packageName } from "./production-packages.ts";

/** A bill of materials in CycloneDX, as `npm sbom` writes it. */
interface Bill {
  readonly metadata: { readonly component: Readonly<Record<string, unknown>> };
  readonly components: readonly Component[];
}

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
}

/** What `npm sbom` has `listed` for the program `name`, and what is `bundled` into it. npm names what it is about after the
 *  folder, and knows nothing of the page's packages, which are not installed beside the program. */
export function billOfMaterials(listed: string, name: string, bundled: readonly Component[]): Bill {
  const bill = JSON.parse(listed) as Bill;
  const known = new Set(bill.components.map((component) => component["bom-ref"]));
  return {
    ...bill,
    metadata: { ...bill.metadata, component: { ...bill.metadata.component, name } },
    components: [
      ...bill.components,
      ...bundled.filter((component) => !known.has(component["bom-ref"])),
    ],
  };
}

/** The packages that the dashboard's files have parts of, by the versions and hashes of the lockfile. */
export async function bundledPackages(root: string, { packages }: Lockfile): Promise<Component[]> {
  const paths = [...(await pagePackages(root))].sort();
  return paths.map((path) => {
    const { version, license, integrity } =
      packages[path] ?? fail(`${path} is in the page, and not in package-lock.json`);
    const name = packageName(path);
    const [, hash] =
      /^sha512-(.+)$/.exec(integrity ?? "") ?? fail(`${path} has no SHA-512 in package-lock.json`);
    return {
      "bom-ref": `${name}@${version}`,
      type: "library",
      name,
      version,
      scope: "required",
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      properties: [{ name: "modelport:part-of", value: "dashboard" }],
      hashes: [{ alg: "SHA-512", content: Buffer.from(hash ?? "", "base64").toString("hex") }],
      licenses: [{ license: { id: license ?? fail(`${path} has no licence`) } }],
    };
  });
}

function fail(message: string): never {
  throw new Error(message);
}
