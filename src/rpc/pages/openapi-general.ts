import type { Schema } from "./openapi-tensors.ts";
import { tritonSchemas } from "./openapi-triton.ts";

// The parts that do not depend on loaded models: the server's paths, and the components that other paths share.

const json = (schema: Schema) => ({ "application/json": { schema } });
const ref = (name: string): Schema => ({ $ref: `#/components/schemas/${name}` });

/** A successful JSON response. */
export function answer(description: string, schema: Schema): Schema {
  return { description, content: json(schema) };
}

/** Every other status: the protocol's error object. */
export const failure: Schema = { $ref: "#/components/responses/Error" };

const modelParameter = { $ref: "#/components/parameters/Model" };
const versionParameter = { $ref: "#/components/parameters/Version" };
const read = (operationId: string, summary: string, schema: Schema) => ({
  get: {
    summary,
    operationId,
    tags: ["server"],
    responses: { 200: answer("OK", schema), default: failure },
  },
});
const lifecycle = (operationId: string, summary: string, description: string) => ({
  parameters: [modelParameter],
  post: {
    summary,
    operationId,
    description,
    tags: ["repository"],
    requestBody: { required: false, content: json({ type: "object" }) },
    responses: { 200: answer("Done.", { type: "object" }), default: failure },
  },
});

/** For any model, named in the path: for clients that were not generated for one model. */
function anyModel(base: string, suffix: string, parameters: readonly Schema[]) {
  const of = suffix === "" ? "any model" : "any version of any model";
  const get = (operation: string, summary: string, schema: Schema) => ({
    parameters,
    ...read(`${operation}${suffix}`, summary, schema),
  });
  return {
    [`${base}/infer`]: {
      parameters,
      post: {
        summary: `Run ${of}`,
        operationId: `infer${suffix}`,
        tags: ["server"],
        requestBody: { required: true, content: json(ref("InferRequest")) },
        responses: { 200: answer("The outputs.", ref("InferResponse")), default: failure },
      },
    },
    [base]: get("modelMetadata", `Inputs and outputs of ${of}`, ref("ModelMetadata")),
    [`${base}/ready`]: get("modelReady", `Whether ${of} can run now`, ref("ModelReady")),
    [`${base}/config`]: get(
      "modelConfig",
      `What ${of} runs by, as Triton's model configuration`,
      ref("ModelConfig"),
    ),
    [`${base}/stats`]: get(
      "modelStatistics",
      `Inference statistics of ${of}`,
      ref("ModelStatistics"),
    ),
  };
}

export const generalPaths: Readonly<Record<string, Schema>> = {
  "/v2": read(
    "serverMetadata",
    "Name, version and extensions of the server",
    ref("ServerMetadata"),
  ),
  "/v2/health/live": read("serverLive", "Whether the server runs", ref("Live")),
  "/v2/health/ready": {
    get: {
      summary: "Whether the server can load and run models",
      operationId: "serverReady",
      description: "True even without models; each model has a path of its own.",
      tags: ["server"],
      responses: {
        200: answer("It can.", ref("Ready")),
        503: answer("It cannot.", ref("Ready")),
        default: failure,
      },
    },
  },
  "/v2/models": read("modelNames", "Names of all models", ref("ModelNames")),
  "/v2/models/stats": read(
    "allStatistics",
    "Inference statistics of all models",
    ref("ModelStatistics"),
  ),
  "/v2/repository/index": {
    post: {
      operationId: "repositoryIndex",
      summary: "Every model that is loaded, loading, or in the local repository",
      tags: ["repository"],
      requestBody: {
        required: false,
        content: json({ type: "object", properties: { ready: { type: "boolean" } } }),
      },
      responses: {
        200: answer("By name and version.", ref("RepositoryIndex")),
        default: failure,
      },
    },
  },
  "/v2/repository/models/{model}/load": lifecycle(
    "loadModel",
    "Load or reload a model from the local repository",
    "Responds when all its versions are ready. Takes no parameters. Refused if ModelMesh owns the lifecycle.",
  ),
  "/v2/repository/models/{model}/unload": lifecycle(
    "unloadModel",
    "Unload a model from the local repository",
    "Responds when its memory is free. Refused if ModelMesh owns the lifecycle.",
  ),
  ...anyModel("/v2/models/{model}", "", [modelParameter]),
  ...anyModel("/v2/models/{model}/versions/{version}", "Version", [
    modelParameter,
    versionParameter,
  ]),
};

export const generalParameters: Readonly<Record<string, Schema>> = {
  Model: {
    name: "model",
    in: "path",
    required: true,
    schema: { type: "string", minLength: 1 },
    description: "The model's id, percent-encoded.",
  },
  Version: {
    name: "version",
    in: "path",
    required: true,
    schema: { type: "string", minLength: 1 },
    description: "A version of the model; only models in a local repository have versions.",
  },
};

export const generalResponses: Readonly<Record<string, Schema>> = {
  Error: answer("What went wrong, in one line.", ref("Error")),
};

const text = { type: "string" };
const tensorSpecs = {
  type: "array",
  items: {
    type: "object",
    required: ["name", "datatype", "shape"],
    properties: {
      name: text,
      datatype: text,
      shape: { type: "array", items: { type: "integer", minimum: -1 } },
    },
  },
};

export const generalSchemas: Readonly<Record<string, Schema>> = {
  Error: { type: "object", required: ["error"], properties: { error: text } },
  Live: { type: "object", required: ["live"], properties: { live: { type: "boolean" } } },
  Ready: { type: "object", required: ["ready"], properties: { ready: { type: "boolean" } } },
  ServerMetadata: {
    type: "object",
    required: ["name", "version", "extensions"],
    properties: { name: text, version: text, extensions: { type: "array", items: text } },
  },
  ModelNames: {
    type: "object",
    required: ["models"],
    properties: { models: { type: "array", items: text } },
  },
  ModelMetadata: {
    type: "object",
    required: ["name", "platform", "inputs", "outputs"],
    properties: {
      name: text,
      versions: { type: "array", items: text },
      platform: text,
      inputs: tensorSpecs,
      outputs: tensorSpecs,
    },
  },
  ModelReady: {
    type: "object",
    required: ["name", "ready"],
    properties: { name: text, ready: { type: "boolean" } },
  },
  ...tritonSchemas,
  RepositoryIndex: {
    type: "array",
    items: {
      type: "object",
      required: ["name", "state"],
      properties: {
        name: text,
        version: text,
        state: { type: "string", enum: ["LOADING", "READY", "UNLOADING", "UNAVAILABLE"] },
        reason: { ...text, description: "Why it is UNAVAILABLE." },
      },
    },
  },
  Parameters: {
    type: "object",
    description: "Those not known are ignored.",
    properties: {
      binary_data_size: {
        type: "integer",
        minimum: 0,
        description: "Bytes of this tensor after the JSON, instead of data.",
      },
      content_type: { ...text, description: 'BYTES only: "base64" if the strings are base64.' },
    },
    additionalProperties: true,
  },
  BinaryParameters: {
    type: "object",
    description: "For tensors without a JSON form.",
    required: ["binary_data_size"],
    properties: {
      binary_data_size: {
        type: "integer",
        minimum: 0,
        description: "Bytes of this tensor after the JSON.",
      },
    },
    additionalProperties: true,
  },
  OutputParameters: {
    type: "object",
    description: "Those not known are ignored.",
    properties: {
      binary_data: { type: "boolean", description: "Return this output as bytes after the JSON." },
      classification: {
        type: "integer",
        minimum: 0,
        description: "Return this many of the largest elements, as score:index, instead of all.",
      },
    },
    additionalProperties: true,
  },
  InferRequest: {
    type: "object",
    required: ["inputs"],
    properties: {
      id: { ...text, description: "Returned in the response." },
      parameters: ref("RequestParameters"),
      inputs: { type: "array", items: ref("Tensor") },
      outputs: {
        type: "array",
        description: "The requested outputs, in order; all outputs if empty or omitted.",
        items: {
          type: "object",
          required: ["name"],
          properties: { name: text, parameters: ref("OutputParameters") },
        },
      },
    },
  },
  InferResponse: {
    type: "object",
    required: ["model_name", "outputs"],
    properties: {
      model_name: text,
      model_version: text,
      id: text,
      parameters: { type: "object", additionalProperties: true },
      outputs: { type: "array", items: ref("Tensor") },
    },
  },
  Tensor: {
    type: "object",
    required: ["name", "shape", "datatype"],
    properties: {
      name: text,
      shape: { type: "array", items: { type: "integer", minimum: 0 } },
      datatype: text,
      data: {
        type: "array",
        items: {},
        description: "Elements in row-major order, flat, or in requests also nested by shape.",
      },
      parameters: ref("Parameters"),
    },
  },
  RequestParameters: {
    type: "object",
    description: "Those not known are ignored.",
    properties: {
      timeout: {
        type: "integer",
        minimum: 0,
        description: "Microseconds after which the call fails with a deadline error.",
      },
      binary_data_output: {
        type: "boolean",
        description: "Return all outputs as bytes after the JSON.",
      },
    },
    additionalProperties: true,
  },
};
