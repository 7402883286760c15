import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { Ajv, type ValidateFunction } from "ajv";
import { projectRoot } from "../servers/served.ts";
import type { Manifest } from "./kserve-manifests.ts";

interface Schemas {
  readonly kinds: Readonly<Record<string, object>>;
  readonly definitions: Readonly<Record<string, object>>;
}

let schemas: Schemas | undefined;
const validators = new Map<string, ValidateFunction>();

/** "apps/v1 Deployment" */
export function kindOf({ apiVersion, kind }: Manifest): string {
  return `${apiVersion} ${kind}`;
}

/** The kinds that scripts/kubernetes-schemas.ts has a schema of. */
export function knownKinds(): string[] {
  return Object.keys(readSchemas().kinds);
}

/** What the API server would complain of in this object, unknown fields included; empty if nothing.
 *  Throws for a kind without a schema. */
export function schemaErrors(manifest: Manifest): string[] {
  const kind = kindOf(manifest);
  let validate = validators.get(kind);
  if (validate === undefined) {
    const { kinds, definitions } = readSchemas();
    const schema = kinds[kind];
    if (schema === undefined) throw new Error(`there is no schema of ${kind}`);
    const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
    validate = ajv.compile({ ...schema, definitions });
    validators.set(kind, validate);
  }
  if (validate(manifest)) return [];
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

function readSchemas(): Schemas {
  if (schemas === undefined) {
    const file = join(projectRoot, "test/fixtures/kubernetes/schemas.json.br");
    schemas = JSON.parse(brotliDecompressSync(readFileSync(file)).toString()) as Schemas;
  }
  return schemas;
}
