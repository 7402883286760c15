import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { argv } from "node:process";
import { brotliCompressSync, constants } from "node:zlib";
import { parse } from "yaml";

// Makes test/fixtures/kserve/crds.json.br of the folder config/crd/full of KServe's Go module:
//
//   go mod download -json github.com/kserve/kserve@v0.20.0   # prints the folder of the module
//   node scripts/goldens/kserve-crds.ts FOLDER/config/crd/full v0.20.0
//
// What is left out validates nothing: descriptions, examples, and the status, which only KServe writes.

const kinds = ["clusterservingruntimes", "servingruntimes", "inferenceservices", "trainedmodels"];
const target = join(import.meta.dirname, "../../test/fixtures/kserve/crds.json.br");

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly schema: { readonly openAPIV3Schema: Record<string, unknown> };
    }[];
  };
}

const [, , folder, version] = argv;
if (folder === undefined || version === undefined) {
  throw new Error("usage: kserve-crds.ts FOLDER VERSION");
}

const schemas: Record<string, unknown> = {};
for (const kind of kinds) {
  const file = join(folder, `serving.kserve.io_${kind}.yaml`);
  const { spec } = parse(await readFile(file, "utf8")) as Definition;
  for (const { name, served, schema } of spec.versions) {
    if (!served) continue;
    const { status: _, ...properties } = Object(schema.openAPIV3Schema["properties"]);
    schemas[`${spec.group}/${name} ${spec.names.kind}`] = bare({
      ...schema.openAPIV3Schema,
      properties,
    });
  }
}
await mkdir(dirname(target), { recursive: true });
const text = JSON.stringify({ kserve: version, schemas });
const quality = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24 };
await writeFile(target, brotliCompressSync(text, { params: quality }));

/** Without what only people read. A property may be named `description` or `example` too. */
function bare(schema: unknown, isProperties = false): unknown {
  if (Array.isArray(schema)) return schema.map((each) => bare(each));
  if (typeof schema !== "object" || schema === null) return schema;
  const entries = Object.entries(schema).filter(
    ([key]) => isProperties || !["description", "example"].includes(key),
  );
  return Object.fromEntries(
    entries.map(([key, value]) => [key, bare(value, !isProperties && key === "properties")]),
  );
}
