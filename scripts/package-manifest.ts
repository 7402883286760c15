/** The fields of package.json that this repository has. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly keywords?: readonly string[];
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional?: boolean }>>;
}

/** Node itself, which checkouts bring along for whoever has an old one. A package runs on the Node of its
 *  user. */
export function isNodeItself(name: string): boolean {
  return /^node(-bin)?-(linux|darwin)-/.test(name);
}

/** The package.json of the package: without what is for work on the sources, and free to be published. */
export function packageManifest(manifest: Manifest) {
  const { name, version, description, license, engines, dependencies } = manifest;
  const { peerDependencies, peerDependenciesMeta } = manifest;
  const optional = Object.entries(manifest.optionalDependencies ?? {}).filter(
    ([dependency]) => !isNodeItself(dependency),
  );
  return {
    name,
    version,
    description,
    ...(manifest.keywords === undefined ? {} : { keywords: manifest.keywords }),
    license,
    type: "module",
    bin: { [name]: "dist/modelport.js" },
    // The messages and services of proto/, for clients.
    exports: {
      "./gen/*.js": { types: "./dist/gen/*.d.ts", default: "./dist/gen/*.js" },
      "./proto/*.proto": "./proto/*.proto",
      "./package.json": "./package.json",
    },
    files: ["dist", "proto", "CHANGELOG.md", "NOTICE", "THIRD-PARTY-NOTICES.txt", "sbom.cdx.json"],
    engines,
    dependencies,
    // What users install themselves who need it.
    ...(peerDependencies === undefined ? {} : { peerDependencies }),
    ...(peerDependenciesMeta === undefined ? {} : { peerDependenciesMeta }),
    ...(optional.length === 0 ? {} : { optionalDependencies: Object.fromEntries(optional) }),
  };
}
