import type { ModelDescription } from "../../service/contract/models.ts";
import {
  answer,
  failure,
  generalParameters,
  generalPaths,
  generalResponses,
  generalSchemas,
} from "./openapi-general.ts";
import {
  dataSchemas,
  exampleTensors,
  inputsSchema,
  outputsSchema,
  type Schema,
} from "./openapi-tensors.ts";
import { textPaths } from "./openapi-text.ts";

/** A model that is ready, or one of its versions. */
export interface DocumentedModel {
  readonly name: string;
  /** "" for the default version, whose path has no version. */
  readonly version: string;
  readonly description: ModelDescription;
}

/** The OpenAPI 3.1 document for a server of this version with these models. */
export function openApiDocument(version: string, models: readonly DocumentedModel[]): Schema {
  const text = textPaths(models);
  return {
    openapi: "3.1.1",
    info: {
      title: "Modelport",
      version,
      summary: "The Open Inference Protocol, with the models that are loaded now",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/", description: "The server that provided this document." }],
    tags: [
      ...[...new Set(models.map(({ name }) => name))].map((name) => ({
        name: modelTag(name),
      })),
      ...(Object.keys(text).length > 0 ? [{ name: "text" }] : []),
      { name: "server" },
      { name: "repository" },
    ],
    paths: Object.assign({}, ...models.map(modelPaths), text, generalPaths),
    components: {
      schemas: { ...generalSchemas, ...dataSchemas },
      parameters: generalParameters,
      responses: generalResponses,
    },
  };
}

// A model may be called "server".
const modelTag = (name: string) => `model ${name}`;

function modelPaths({ name, version, description }: DocumentedModel): Record<string, Schema> {
  // Braces would be path parameters; encodeURIComponent encodes them too.
  const base = `/v2/models/${encodeURIComponent(name)}`;
  const path = version === "" ? base : `${base}/versions/${encodeURIComponent(version)}`;
  const label = version === "" ? name : `${name}, version ${version}`;
  const shared = { tags: [modelTag(name)] };
  const ref = (schema: string) => ({ $ref: `#/components/schemas/${schema}` });
  // Generators derive names from it. An encoded name has no slash, so the slash separates versions from other
  // models.
  const id = path.slice("/v2/models/".length).replace("/versions/", "-/version-");
  const read = (operation: string, summary: string, schema: string) => ({
    get: {
      ...shared,
      summary,
      operationId: `${operation}-${id}`,
      responses: { 200: answer("OK", ref(schema)), default: failure },
    },
  });
  return {
    [`${path}/infer`]: {
      post: {
        ...shared,
        summary: `Run ${label}`,
        operationId: `infer-${id}`,
        description: binaryForm,
        requestBody: { required: true, content: json(requestSchema(description)) },
        responses: {
          200: {
            description: "The outputs.",
            content: { ...json(responseSchema(name, description)), ...bytes },
          },
          default: failure,
        },
      },
    },
    [path]: read("metadata", `Inputs and outputs of ${label}`, "ModelMetadata"),
    [`${path}/ready`]: read("ready", `Whether ${label} can run now`, "ModelReady"),
    [`${path}/config`]: read("config", `What ${label} runs by`, "ModelConfig"),
    [`${path}/stats`]: read("statistics", `Inference statistics of ${label}`, "ModelStatistics"),
  };
}

function requestSchema({ inputs, outputs }: ModelDescription): Schema {
  const example = exampleTensors(inputs);
  return {
    type: "object",
    required: ["inputs"],
    properties: {
      id: { type: "string", description: "Returned in the response." },
      parameters: { $ref: "#/components/schemas/RequestParameters" },
      inputs: inputsSchema(inputs),
      outputs: wantedOutputsSchema(outputs.map((output) => output.name)),
    },
    ...(example !== undefined && { examples: [{ inputs: example }] }),
  };
}

function wantedOutputsSchema(names: readonly string[]): Schema {
  return {
    type: "array",
    description: "The requested outputs, in order; all outputs if empty or omitted.",
    maxItems: names.length,
    items: {
      type: "object",
      required: ["name"],
      properties: {
        name: names.length > 0 ? { type: "string", enum: names } : { type: "string" },
        parameters: { $ref: "#/components/schemas/OutputParameters" },
      },
    },
  };
}

function responseSchema(name: string, { outputs }: ModelDescription): Schema {
  const example = exampleTensors(outputs);
  return {
    type: "object",
    required: ["model_name", "outputs"],
    properties: {
      model_name: { const: name },
      model_version: { type: "string" },
      id: { type: "string" },
      parameters: { type: "object", additionalProperties: true },
      outputs: outputsSchema(outputs),
    },
    ...(example !== undefined && { examples: [{ model_name: name, outputs: example }] }),
  };
}

/** As text instead of a second request content type: client generators cannot handle alternatives. */
const binaryForm =
  "Tensors may be sent as bytes, with Content-Type application/octet-stream: the JSON, whose length is in the header " +
  "Inference-Header-Content-Length, then the bytes of every tensor with the parameter binary_data_size, in " +
  "the order of the JSON. Outputs are returned the same way if the parameter binary_data requests it.";

const json = (schema: Schema) => ({ "application/json": { schema } });
const bytes: Schema = {
  "application/octet-stream": {
    schema: { type: "string", format: "binary", description: binaryForm },
  },
};
