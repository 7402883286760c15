import { readFileSync } from "node:fs";
import { join } from "node:path";
import { brotliDecompressSync } from "node:zlib";
import { projectRoot } from "../servers/served.ts";
import type { Manifest } from "./kserve-manifests.ts";

/** A structural schema, as CustomResourceDefinitions have them. */
interface Schema {
  readonly type?: "object" | "array" | "string" | "integer" | "number" | "boolean";
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly default?: unknown;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
}

const { kserve, schemas } = JSON.parse(
  brotliDecompressSync(
    readFileSync(join(projectRoot, "test/fixtures/kserve/crds.json.br")),
  ).toString(),
) as { readonly kserve: string; readonly schemas: Readonly<Record<string, Schema>> };

/** Whether KServe defines this kind of object. */
export function isOfKServe({ apiVersion }: Manifest): boolean {
  return apiVersion.startsWith("serving.kserve.io/");
}

/** What an API server with KServe's definitions would refuse or drop: one line for each field. */
export function schemaProblems(manifest: Manifest): string[] {
  const { apiVersion, kind, metadata } = manifest;
  const schema = schemas[`${apiVersion} ${kind}`];
  const where = `${kind} ${metadata.name}`;
  if (schema === undefined) return [`${where}: KServe ${kserve} has no ${kind} in ${apiVersion}`];
  // The API server itself knows what metadata are.
  const { metadata: _, ...properties } = schema.properties ?? {};
  const anything = { additionalProperties: true };
  const known = { ...schema, properties: { ...properties, metadata: anything } };
  return problemsOf(manifest, known, where);
}

function problemsOf(value: unknown, schema: Schema, where: string): string[] {
  const fits = schema.enum?.includes(value) ?? true;
  if (!fits) return [`${where}: ${JSON.stringify(value)} is none of ${schema.enum?.join(", ")}`];
  if (schema["x-kubernetes-int-or-string"] === true) {
    const isEither = Number.isInteger(value) || typeof value === "string";
    return isEither
      ? ofText(String(value), schema, where)
      : [`${where}: neither integer nor string`];
  }
  switch (schema.type) {
    case "array":
      return Array.isArray(value) ? ofArray(value, schema, where) : [`${where}: no list`];
    case "string":
      return typeof value === "string" ? ofText(value, schema, where) : [`${where}: no string`];
    case "boolean":
      return typeof value === "boolean" ? [] : [`${where}: no boolean`];
    case "integer":
    case "number":
      return ofNumber(value, schema, where);
    default: {
      const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
      return isObject ? ofObject(value, schema, where) : [`${where}: no object`];
    }
  }
}

function ofObject(value: object, schema: Schema, where: string): string[] {
  const { properties = {}, additionalProperties, required = [] } = schema;
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  const inner = Object.entries(value).flatMap(([name, item]) => {
    const own = properties[name] ?? additionalProperties;
    if (own === true) return [];
    if (typeof own !== "object") return [`${where}.${name}: no such field`];
    return problemsOf(item, own, `${where}.${name}`);
  });
  return [...missing.map((name) => `${where}: lacks ${name}`), ...inner];
}

function ofArray(value: readonly unknown[], schema: Schema, where: string): string[] {
  const { items = {}, minItems = 0, "x-kubernetes-list-map-keys": keys = [] } = schema;
  const inner = value.flatMap((item, at) => problemsOf(item, items, `${where}[${at}]`));
  if (value.length < minItems) inner.push(`${where}: fewer than ${minItems} items`);
  const keyOf = (item: unknown, key: string) =>
    Object(item)[key] ?? items.properties?.[key]?.default;
  const seen = value.map((item) => JSON.stringify(keys.map((key) => keyOf(item, key))));
  if (keys.length > 0 && new Set(seen).size < seen.length) {
    inner.push(`${where}: two items of the same ${keys.join(" and ")}`);
  }
  return inner;
}

function ofText(text: string, schema: Schema, where: string): string[] {
  const { pattern = "", minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (!new RegExp(pattern).test(text)) return [`${where}: '${text}' is not like ${pattern}`];
  const fits = text.length >= minLength && text.length <= maxLength;
  return fits ? [] : [`${where}: '${text}' is too short or too long`];
}

function ofNumber(value: unknown, schema: Schema, where: string): string[] {
  const { type, minimum = -Infinity, maximum = Infinity } = schema;
  const isNumber = type === "integer" ? Number.isInteger(value) : typeof value === "number";
  if (!isNumber) return [`${where}: no ${type}`];
  const fits = Number(value) >= minimum && Number(value) <= maximum;
  return fits ? [] : [`${where}: ${value} is out of range`];
}
