import { RuntimeError } from "../../base/errors.ts";
import { HttpRefusal } from "../failures/answer-failure.ts";
import type { Document } from "./ranking.ts";

/** The fields of an object, which is named in messages. */
export interface Fields {
  readonly name: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** A request of Caikit's REST: the model, what it shall work on, and how. */
export interface RestRequest {
  readonly modelId: string;
  readonly inputs: unknown;
  readonly parameters: Fields;
}

const knownFields = ["model_id", "inputs", "parameters"];

/** Throws a refusal with status 422, as Caikit does, if `json` is no such request, and "invalid-argument" if it names
 *  no model. `parameters`: the names of those that the task knows. Others are refused, since they would change what the
 *  client gets. */
export function readRestRequest(json: unknown, parameters: readonly string[]): RestRequest {
  const request = fieldsOf(json, "the request");
  refuseUnknown(request, knownFields);
  const { model_id: modelId, inputs } = request.values;
  if (modelId === undefined || modelId === null || modelId === "") {
    throw new RuntimeError("invalid-argument", "Missing required model ID: set model_id");
  }
  if (typeof modelId !== "string") refuse(`model_id is ${kindOf(modelId)}, expected a string`);
  if (inputs === undefined || inputs === null) refuse("the request has no inputs");
  const given = fieldsOf(request.values["parameters"] ?? {}, "parameters");
  refuseUnknown(given, parameters);
  return { modelId, inputs, parameters: given };
}

/** Of `inputs` with several fields, of which it must have these and no others. */
export function inputFields(inputs: unknown, names: readonly string[]): Fields {
  const fields = fieldsOf(inputs, "inputs");
  refuseUnknown(fields, names);
  return fields;
}

export function stringIn({ name, values }: Fields, field: string): string {
  return asString(values[field], `${name}.${field}`);
}

export function stringsIn({ name, values }: Fields, field: string): readonly string[] {
  return asStrings(values[field], `${name}.${field}`);
}

export function asString(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  return refuse(`${name} is ${kindOf(value)}, expected a string`);
}

export function asStrings(value: unknown, name: string): readonly string[] {
  if (!Array.isArray(value)) {
    return refuse(`${name} is ${kindOf(value)}, expected a list of strings`);
  }
  return value.map((item, index) => asString(item, `${name}[${index}]`));
}

/** Documents of a ranking. */
export function documentsIn({ name, values }: Fields, field: string): readonly Document[] {
  const documents = values[field];
  if (!Array.isArray(documents)) {
    return refuse(`${name}.${field} is ${kindOf(documents)}, expected a list of objects`);
  }
  return documents.map((document: unknown, index) => {
    if (isObject(document)) return document;
    return refuse(
      `${name}.${field}[${index}] is ${kindOf(document)}, expected an object like {"text": "…"}`,
    );
  });
}

/** Undefined if it is absent or null. */
export function integerIn({ name, values }: Fields, field: string): number | undefined {
  const value = values[field] ?? undefined;
  if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
  return refuse(`${name}.${field} is ${kindOf(value)}, expected an integer`);
}

/** Undefined if it is absent or null. */
export function numberIn({ name, values }: Fields, field: string): number | undefined {
  const value = values[field] ?? undefined;
  if (value === undefined || typeof value === "number") return value;
  return refuse(`${name}.${field} is ${kindOf(value)}, expected a number`);
}

/** Undefined if it is absent or null. */
export function booleanIn({ name, values }: Fields, field: string): boolean | undefined {
  const value = values[field] ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  return refuse(`${name}.${field} is ${kindOf(value)}, expected true or false`);
}

function fieldsOf(value: unknown, name: string): Fields {
  if (isObject(value)) return { name, values: value };
  return refuse(`${name} is ${kindOf(value)}, expected an object`);
}

function refuseUnknown({ name, values }: Fields, known: readonly string[]): void {
  const unknown = Object.keys(values).find((field) => !known.includes(field));
  if (unknown === undefined) return;
  const fields = known.length === 0 ? "no fields" : known.join(", ");
  refuse(`${name} has the unknown field '${unknown.slice(0, 100)}', expected ${fields}`);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "bigint") return "a number that is too large";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function refuse(message: string): never {
  throw new HttpRefusal(422, message);
}
