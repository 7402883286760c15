import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import Fastify, { type FastifyInstance } from "fastify";
import { pino } from "pino";
import { RuntimeError } from "../../src/base/errors.ts";
import { type Datatype, elementBytes } from "../../src/base/tensor.ts";
import { defaultAccess } from "../../src/config/access-settings.ts";
import { Access } from "../../src/rpc/guard/access.ts";
import { openApi } from "../../src/rpc/pages/openapi.ts";
import { restScope } from "../../src/rpc/rest/add-route.ts";
import type { ModelDescription, ModelIndexEntry } from "../../src/service/contract/models.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

const flowers: ModelDescription = {
  platform: "onnx_onnxv1",
  versions: ["1", "2"],
  inputs: [{ name: "measurements", datatype: "FP32", shape: [-1, 4] }],
  outputs: [
    { name: "label", datatype: "BYTES", shape: [-1] },
    { name: "probabilities", datatype: "FP32", shape: [-1, 3] },
  ],
};
const allDatatypes = Object.keys(elementBytes) as Datatype[];
const everything: ModelDescription = {
  platform: "onnx_onnxv1",
  versions: [],
  inputs: allDatatypes.map((datatype) => ({ name: `in-${datatype}`, datatype, shape: [2] })),
  outputs: [{ name: "scalar", datatype: "INT64", shape: [] }],
};

/** What is loaded, changed by the tests. */
class Loaded {
  entries: ModelIndexEntry[] = [];
  readonly descriptions = new Map<string, ModelDescription>();

  put(name: string, version: string, description: ModelDescription): void {
    this.entries.push({ name, version, state: "READY", reason: "" });
    this.descriptions.set(name, description);
  }

  async index(): Promise<ModelIndexEntry[]> {
    return this.entries;
  }

  describe(name: string): ModelDescription {
    const description = this.descriptions.get(name);
    if (description) return description;
    throw new RuntimeError("model-not-found", `model '${name}' is not loaded here`);
  }
}

async function serve(models: Loaded): Promise<FastifyInstance> {
  const app = Fastify();
  const log = pino({ level: "silent" });
  const parts = {
    models,
    version: "1.2.3",
    log,
    access: new Access(defaultAccess, { takesCertificates: false, log }),
    clientOf: () => ({ peer: undefined, authorization: undefined }),
    shutdownSignal: new AbortController().signal,
  };
  void app.register(
    (scope, _options, done) => {
      restScope(scope, parts.log);
      openApi(scope, parts);
      done();
    },
    { prefix: "/v2" },
  );
  await app.ready();
  return app;
}

async function documentOf(models: Loaded): Promise<JsonObject> {
  const app = await serve(models);
  const response = await app.inject("/v2/openapi.json");
  await app.close();
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers["content-type"], "application/json");
  assert.equal(response.headers["cache-control"], "no-store");
  return response.json<JsonObject>();
}

/** The value at a JSON pointer's steps. */
function at(value: Json, ...steps: readonly string[]): Json {
  return steps.reduce<Json>((found, step) => {
    const next = Object(found)[step] as Json | undefined;
    assert.ok(next !== undefined, `there is nothing at ${steps.join(" > ")}, from ${step} on`);
    return next;
  }, value);
}

const requestSchema = (document: Json, path: string) =>
  at(document, "paths", path, "post", "requestBody", "content", "application/json", "schema");

/** Every object within, and itself. */
function* objectsIn(value: Json): Generator<JsonObject> {
  if (value === null || typeof value !== "object") return;
  if (!Array.isArray(value)) yield value;
  for (const inner of Object.values(value)) yield* objectsIn(inner);
}

function operationsOf(document: Json): [string, JsonObject][] {
  return Object.entries(at(document, "paths") as JsonObject).flatMap(([path, item]) =>
    Object.entries(item as JsonObject)
      .filter(([key]) => key === "get" || key === "post")
      .map(([method, operation]): [string, JsonObject] => [
        `${method} ${path}`,
        operation as JsonObject,
      ]),
  );
}

function loaded(): Loaded {
  const models = new Loaded();
  models.put("iris", "1", flowers);
  models.put("iris", "2", flowers);
  models.put("every/thing {x}", "", everything);
  return models;
}

describe("the OpenAPI document", () => {
  it("is of version 3.1 and says who serves it", async () => {
    const document = await documentOf(new Loaded());
    assert.equal(document["openapi"], "3.1.1");
    assert.equal(at(document, "info", "title"), "Modelport");
    assert.equal(at(document, "info", "version"), "1.2.3");
  });

  it("is refused as all of REST is while the repository cannot be read", async () => {
    const models = new Loaded();
    models.index = async () => {
      throw new RuntimeError("temporarily-unavailable", "the model repository cannot be read");
    };
    const app = await serve(models);
    const response = await app.inject("/v2/openapi.json");
    await app.close();
    assert.equal(response.statusCode, 503);
    assert.equal(response.headers["content-type"], "application/json");
    assert.deepEqual(response.json(), { error: "the model repository cannot be read" });
  });

  it("has the paths of the server even if no model is loaded", async () => {
    const document = await documentOf(new Loaded());
    assert.deepEqual(Object.keys(at(document, "paths") as JsonObject).sort(), [
      "/v2",
      "/v2/health/live",
      "/v2/health/ready",
      "/v2/models",
      "/v2/models/stats",
      ...["", "/config", "/infer", "/ready", "/stats"].map((path) => `/v2/models/{model}${path}`),
      ...["", "/config", "/infer", "/ready", "/stats"].map(
        (path) => `/v2/models/{model}/versions/{version}${path}`,
      ),
      "/v2/repository/index",
      "/v2/repository/models/{model}/load",
      "/v2/repository/models/{model}/unload",
    ]);
  });

  it("has five paths for each model and for each of its versions, percent-encoded", async () => {
    const document = await documentOf(loaded());
    const paths = Object.keys(at(document, "paths") as JsonObject);
    for (const model of [
      "/v2/models/iris",
      "/v2/models/iris/versions/1",
      "/v2/models/iris/versions/2",
      "/v2/models/every%2Fthing%20%7Bx%7D",
    ]) {
      for (const path of ["", "/config", "/infer", "/ready", "/stats"]) {
        assert.ok(paths.includes(model + path), model + path);
      }
    }
  });

  it("names the input of a model, its datatype, and which dimensions are fixed", async () => {
    const schema = requestSchema(await documentOf(loaded()), "/v2/models/iris/infer");
    const inputs = at(schema, "properties", "inputs");
    assert.equal(at(inputs, "minItems"), 1);
    assert.equal(at(inputs, "maxItems"), 1);
    assert.deepEqual(at(inputs, "items", "required"), ["name", "shape", "datatype", "data"]);
    assert.deepEqual(at(inputs, "items", "properties", "name"), { const: "measurements" });
    assert.deepEqual(at(inputs, "items", "properties", "datatype"), { const: "FP32" });
    const shape = at(inputs, "items", "properties", "shape");
    assert.deepEqual(at(shape, "items"), { type: "integer", minimum: 0 });
    assert.deepEqual(at(shape, "x-shape"), [-1, 4]);
    assert.deepEqual([at(shape, "minItems"), at(shape, "maxItems")], [2, 2]);
    const wanted = at(schema, "properties", "outputs", "items", "properties", "name", "enum");
    assert.deepEqual(wanted, ["label", "probabilities"]);
  });

  it("has an example that the model takes", async () => {
    const schema = requestSchema(await documentOf(loaded()), "/v2/models/iris/infer");
    assert.deepEqual(at(schema, "examples"), [
      {
        inputs: [{ name: "measurements", shape: [1, 4], datatype: "FP32", data: [0, 0, 0, 0] }],
      },
    ]);
  });

  it("has no example where the request would be large", async () => {
    const models = new Loaded();
    const image = { name: "image", datatype: "UINT8", shape: [1, 3, 224, 224] } as const;
    models.put("big", "", { ...flowers, versions: [], inputs: [image] });
    const schema = requestSchema(await documentOf(models), "/v2/models/big/infer");
    assert.equal((schema as JsonObject)["examples"], undefined);
  });

  it("describes the elements of every datatype, and that FP16 and BF16 have no JSON form", async () => {
    const document = await documentOf(loaded());
    const path = "/v2/models/every%2Fthing%20%7Bx%7D/infer";
    const inputs = at(requestSchema(document, path), "properties", "inputs");
    const tensors = at(inputs, "items", "oneOf") as JsonObject[];
    assert.equal(tensors.length, allDatatypes.length);
    assert.equal((at(inputs, "allOf") as Json[]).length, allDatatypes.length);
    for (const [index, datatype] of allDatatypes.entries()) {
      const tensor = tensors[index] as JsonObject;
      assert.deepEqual(at(tensor, "properties", "datatype"), { const: datatype });
      const properties = at(tensor, "properties") as JsonObject;
      if (datatype === "FP16" || datatype === "BF16") {
        assert.equal(properties["data"], undefined);
        assert.deepEqual(tensor["required"], ["name", "shape", "datatype", "parameters"]);
      } else {
        assert.deepEqual(properties["data"], { $ref: `#/components/schemas/${datatype}Data` });
      }
    }
    const element = (datatype: Datatype) =>
      at(document, "components", "schemas", `${datatype}Data`, "items", "anyOf", "0");
    assert.equal(at(element("BOOL"), "type"), "boolean");
    assert.equal(at(element("BYTES"), "type"), "string");
    assert.equal(at(element("FP64"), "type"), "number");
    const int8 = { type: "integer", format: "int8", minimum: -128, maximum: 127 };
    assert.deepEqual(element("INT8"), int8);
    assert.deepEqual(element("UINT64"), { type: "integer", format: "uint64", minimum: 0 });
  });

  it("refers to nothing that it lacks, and declares the parameters of every path", async () => {
    const document = await documentOf(loaded());
    const references = [...objectsIn(document)].flatMap(({ $ref }) => $ref ?? []);
    assert.ok(references.length > 50);
    for (const reference of references) {
      assert.ok(typeof reference === "string" && reference.startsWith("#/"), String(reference));
      at(document, ...reference.slice(2).split("/"));
    }
    for (const [path, item] of Object.entries(at(document, "paths") as JsonObject)) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      if (names.length === 0) continue;
      const parameters = at(item, "parameters") as JsonObject[];
      const declared = parameters.map(({ $ref }) =>
        at(document, ...String($ref).slice(2).split("/"), "name"),
      );
      assert.deepEqual(declared, names, path);
    }
  });

  it("gives every operation a summary, a declared tag, an error answer, and an id of its own", async () => {
    const document = await documentOf(loaded());
    const operations = operationsOf(document);
    const tags = (at(document, "tags") as JsonObject[]).map(({ name }) => name);
    assert.equal(new Set(tags).size, tags.length);
    for (const [name, operation] of operations) {
      assert.ok(at(operation, "summary"), name);
      assert.ok(tags.includes(at(operation, "tags", "0")), name);
      assert.deepEqual(at(operation, "responses", "default"), {
        $ref: "#/components/responses/Error",
      });
      assert.ok(at(operation, "responses", "200", "description"), name);
    }
    const ids = operations.map(([name, operation]) => {
      assert.equal(typeof at(operation, "operationId"), "string", name);
      return at(operation, "operationId");
    });
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.includes("infer-iris") && ids.includes("infer-iris-/version-2"));
    assert.deepEqual(at(document, "servers", "0", "url"), "/");
  });

  it("has no schema that is true or false, nor one that refers to itself: generators take neither", async () => {
    const document = await documentOf(loaded());
    const look = (value: unknown, path: string) => {
      if (typeof value !== "object" || value === null) return;
      for (const [key, item] of Object.entries(value)) {
        if (["items", "not", "contains"].includes(key)) {
          assert.equal(typeof item, "object", `${path}/${key}`);
        }
        if (key === "$ref" && path.startsWith("/components/schemas/")) {
          const own = path.split("/").slice(0, 4).join("/");
          assert.notEqual(item, `#${own}`, path);
        }
        look(item, `${path}/${key}`);
      }
    };
    look(document, "");
  });

  it("leaves out models that cannot run, and those that leave while it is made", async () => {
    const models = loaded();
    models.entries.push({ name: "comes", version: "", state: "LOADING", reason: "" });
    models.entries.push({ name: "has-left", version: "", state: "READY", reason: "" });
    const paths = Object.keys(at(await documentOf(models), "paths") as JsonObject).join("\n");
    assert.match(paths, /\/v2\/models\/iris\/infer/);
    assert.doesNotMatch(paths, /comes|has-left/);
  });
});

describe("the page at /v2/docs", () => {
  let app: FastifyInstance;
  before(async () => {
    app = await serve(loaded());
  });
  after(async () => {
    await app.close();
  });

  const types: Readonly<Record<string, string>> = {
    "": "text/html; charset=utf-8",
    "/swagger-ui.css": "text/css; charset=utf-8",
    "/swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "/swagger-initializer.js": "text/javascript; charset=utf-8",
    "/favicon-32x32.png": "image/png",
  };
  for (const [file, type] of Object.entries(types)) {
    it(`serves /v2/docs${file} as ${type}, under a policy without inline script and strangers`, async () => {
      const response = await app.inject(`/v2/docs${file}`);
      assert.equal(response.statusCode, 200);
      assert.equal(response.headers["content-type"], type);
      assert.equal(response.headers["x-content-type-options"], "nosniff");
      const policy = String(response.headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|\*|http/);
      assert.ok(response.rawPayload.length > 100);
    });
  }

  it("refers only to files that it serves", async () => {
    const { payload } = await app.inject("/v2/docs");
    const links = [...payload.matchAll(/(?:href|src)="([^"]*)"/g)].map(([, link]) => link);
    assert.equal(links.length, 4);
    for (const link of links) {
      const { pathname, origin } = new URL(link ?? "", "http://here/v2/docs");
      assert.equal(origin, "http://here");
      assert.equal((await app.inject(pathname)).statusCode, 200, pathname);
    }
  });

  it("answers 304 to a browser that has the file, and compresses for one that can read it", async () => {
    const url = "/v2/docs/swagger-ui.css";
    const plain = await app.inject(url);
    assert.equal(plain.headers["content-encoding"], undefined);
    const headers = { "accept-encoding": "deflate, gzip;q=0.8" };
    const packed = await app.inject({ url, headers });
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.ok(packed.rawPayload.length < plain.rawPayload.length / 3);
    assert.deepEqual(gunzipSync(packed.rawPayload), plain.rawPayload);
    const refusing = await app.inject({ url, headers: { "accept-encoding": "gzip;q=0" } });
    assert.equal(refusing.headers["content-encoding"], undefined);
    const tag = String(plain.headers["etag"]);
    const known = await app.inject({ url, headers: { "if-none-match": `"other", ${tag}` } });
    assert.equal(known.statusCode, 304);
    assert.equal(known.payload, "");
    const stale = await app.inject({ url, headers: { "if-none-match": '"other"' } });
    assert.equal(stale.statusCode, 200);
  });

  it("leads from /v2/docs/ to itself, and to no other file of the library", async () => {
    const redirect = await app.inject("/v2/docs/");
    assert.equal(redirect.statusCode, 308);
    const target = new URL(String(redirect.headers["location"]), "http://here/v2/docs/");
    assert.equal(target.href, "http://here/v2/docs");
    for (const path of [
      "package.json",
      "../../package.json",
      "%2e%2e/package.json",
      "index.html",
    ]) {
      assert.equal((await app.inject(`/v2/docs/${path}`)).statusCode, 404, path);
    }
  });
});
