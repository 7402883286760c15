// Makes test/fixtures/kubernetes/schemas.json.br: the schemas of the Kubernetes objects that deploy/helm renders, as JSON Schema. They come from the Go
// modules of Kubernetes, KEDA, the Prometheus operator and KServe, without descriptions. Unknown fields are refused, as `kubectl
// apply --validate=strict` refuses them.
//
//   node scripts/kubernetes-schemas.ts      needs Go and its module proxy

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { parse } from "yaml";

type Schema = { [key: string]: unknown };

const kubernetes = "k8s.io/kubernetes@v1.37.2";
const keda = "github.com/kedacore/keda/v2@v2.21.0";
const kserve = "github.com/kserve/kserve@v0.20.0";
const prometheusOperator = "github.com/prometheus-operator/prometheus-operator@v0.85.0";

const builtInKinds = [
  "io.k8s.api.apps.v1.Deployment",
  "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
  "io.k8s.api.core.v1.ConfigMap",
  "io.k8s.api.core.v1.PersistentVolumeClaim",
  "io.k8s.api.core.v1.Pod",
  "io.k8s.api.core.v1.Service",
  "io.k8s.api.core.v1.ServiceAccount",
  "io.k8s.api.networking.v1.NetworkPolicy",
  "io.k8s.api.policy.v1.PodDisruptionBudget",
];
const customKinds = [
  [keda, "config/crd/bases/keda.sh_scaledobjects.yaml"],
  [
    prometheusOperator,
    "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
  ],
  [
    prometheusOperator,
    "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
  ],
  [kserve, "config/crd/full/serving.kserve.io_clusterservingruntimes.yaml"],
  [kserve, "config/crd/full/serving.kserve.io_servingruntimes.yaml"],
] as const;

const folders = new Map<string, string>();

function readModule(module: string, file: string): string {
  let folder = folders.get(module);
  if (folder === undefined) {
    const options = { cwd: tmpdir(), encoding: "utf8" } as const;
    const answer = execFileSync("go", ["mod", "download", "-json", module], options);
    folder = (JSON.parse(answer) as { Dir: string }).Dir;
    folders.set(module, folder);
  }
  return readFileSync(join(folder, file), "utf8");
}

/** As JSON Schema of draft 7 has it. `where` tells maps of schemas, whose keys are names, from schemas. */
function strict(value: unknown, where: "schema" | "names" = "schema"): unknown {
  if (Array.isArray(value)) return value.map((each) => strict(each));
  if (typeof value !== "object" || value === null) return value;
  if (where === "names") {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, strict(each)]));
  }
  const schema = value as Schema;
  if (schema["format"] === "int-or-string" || schema["x-kubernetes-int-or-string"] === true) {
    return { type: ["integer", "string"] };
  }
  const kept = Object.entries(schema).flatMap(([key, each]): [string, unknown][] => {
    if (/^(description|default|format|example|nullable|x-.*)$/.test(key)) return [];
    if (key === "enum" || key === "required") return [[key, each]];
    if (key === "$ref") return [[key, each]];
    // Go's "(?i)" counts to the end.
    if (key === "pattern") return [[key, String(each).replace(/\(\?i\)(.*?)(\$?)$/, "(?i:$1)$2")]];
    return [[key, strict(each, key === "properties" ? "names" : "schema")]];
  });
  const result: Schema = Object.fromEntries(kept);
  if (schema["nullable"] === true && typeof schema["type"] === "string") {
    result["type"] = [schema["type"], "null"];
  }
  const isOpen =
    schema["additionalProperties"] !== undefined ||
    schema["x-kubernetes-preserve-unknown-fields"] === true;
  if (schema["properties"] !== undefined && !isOpen) result["additionalProperties"] = false;
  return result;
}

const swagger = JSON.parse(readModule(kubernetes, "api/openapi-spec/swagger.json")) as {
  definitions: Record<string, Schema>;
};
const quantity = "io.k8s.apimachinery.pkg.api.resource.Quantity";
const definitions: Record<string, unknown> = {};
/** The definition, and all that it refers to. */
function take(name: string): void {
  if (definitions[name] !== undefined) return;
  const schema =
    name === quantity ? { type: ["string", "number"] } : strict(swagger.definitions[name]);
  definitions[name] = schema;
  for (const [, other = ""] of JSON.stringify(schema).matchAll(/"#\/definitions\/([^"]+)"/g)) {
    take(other);
  }
}

const groups = "x-kubernetes-group-version-kind";
interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const kinds: Record<string, unknown> = {};
for (const name of builtInKinds) {
  take(name);
  const schema = swagger.definitions[name] as { [groups]?: GroupVersionKind[] } | undefined;
  const group = schema?.[groups]?.[0];
  if (group === undefined) throw new Error(`${name} has no kind`);
  const apiVersion = group.group === "" ? group.version : `${group.group}/${group.version}`;
  kinds[`${apiVersion} ${group.kind}`] = { $ref: `#/definitions/${name}` };
}
const objectMeta = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
take(objectMeta);
for (const [module, file] of customKinds) {
  const { spec } = parse(readModule(module, file)) as {
    spec: {
      group: string;
      names: { kind: string };
      versions: { name: string; schema: { openAPIV3Schema: Schema } }[];
    };
  };
  for (const { name, schema } of spec.versions) {
    const own = strict(schema.openAPIV3Schema) as { properties: Schema };
    own.properties["metadata"] = { $ref: `#/definitions/${objectMeta}` };
    kinds[`${spec.group}/${name} ${spec.names.kind}`] = own;
  }
}

const text = JSON.stringify({ modules: [...folders.keys()], kinds, definitions });
const params = { [constants.BROTLI_PARAM_QUALITY]: 11 };
writeFileSync(
  join(import.meta.dirname, "../test/fixtures/kubernetes/schemas.json.br"),
  brotliCompressSync(text, { params }),
);
