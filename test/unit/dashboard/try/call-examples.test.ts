import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromJsonString } from "@bufbuild/protobuf";
import { ModelInferRequestSchema } from "../../../../gen/inference/inference_pb.ts";
import { type Call, callExamples } from "../../../../src/dashboard/try/call-examples.ts";

const call = (datatype: string, elements: Call["inputs"][number]["elements"]): Call => ({
  serverUrl: "http://localhost:8085",
  id: "it's/a model",
  version: "",
  inputs: [{ spec: { name: "x", datatype, shape: [-1] }, shape: [elements.length], elements }],
});
const example = (title: string, ofCall: Call) =>
  callExamples(ofCall).find((one) => one.title === title)?.text ?? "";
/** What a shell makes of the words in single quotes. */
const unquoted = (text: string) => text.replaceAll("'\\''", "'");

describe("the same call for other programs", () => {
  it("quotes for the shell whatever a name or text holds", () => {
    const text = example("curl", call("BYTES", ["don't", "$(x) `y`"]));
    assert.match(
      text,
      /^curl http:\/\/localhost:8085\/v2\/models\/it's%2Fa%20model\/infer|^curl '/,
    );
    assert.ok(text.includes("don'\\''t"));
    const body = /-d '(.*)'$/s.exec(text)?.[1] ?? "";
    assert.deepEqual(JSON.parse(unquoted(body)).inputs[0].data, ["don't", "$(x) `y`"]);
  });

  it("is the request that protobuf reads from JSON", () => {
    for (const [datatype, elements] of [
      ["INT64", [2n ** 62n]],
      ["FP32", [1.5, -2]],
      ["BYTES", ["é"]],
      ["BOOL", [true]],
      ["FP16", [1]],
    ] as const) {
      const text = example("grpcurl", call(datatype, elements));
      const json = unquoted(/-d '(.*)' \\\n/s.exec(text)?.[1] ?? "");
      const request = fromJsonString(ModelInferRequestSchema, json);
      assert.equal(request.modelName, "it's/a model");
      assert.equal(request.inputs[0]?.datatype, datatype);
      // Half-precision floats have no typed form.
      assert.equal(request.rawInputContents.length, datatype === "FP16" ? 1 : 0, datatype);
    }
  });

  it("names the version, if there is one", () => {
    const versioned = { ...call("FP32", [1]), id: "iris", version: "3" };
    assert.match(example("curl", versioned), /\/v2\/models\/iris\/versions\/3\/infer /);
    assert.match(example("grpcurl", versioned), /"modelVersion": "3"/);
    assert.match(example("TypeScript", versioned), /modelVersion: "3"/);
  });

  it("calls over TLS where the page came over TLS", () => {
    const secure = { ...call("FP32", [1]), serverUrl: "https://models.example.com" };
    assert.match(
      example("grpcurl", secure),
      /^grpcurl -import-path .*\n.*\n.*models\.example\.com:443 /,
    );
  });
});
