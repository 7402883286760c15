import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  create,
  fromBinary,
  fromJsonString,
  type MessageInitShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import fc from "fast-check";
import {
  type ModelInferRequest,
  ModelInferRequestSchema,
  type ModelInferResponse,
  ModelInferResponseSchema,
} from "../../../../gen/inference/inference_pb.ts";
import type { Tensor } from "../../../../src/base/tensor.ts";
import type { TensorForm } from "../../../../src/rpc/codec/infer-message.ts";
import { decodeInference, encodeInference } from "../../../../src/rpc/codec/tensor-codec.ts";
import { hasTypedForm } from "../../../../src/rpc/codec/tensor-contents.ts";
import { decodeRestInference } from "../../../../src/rpc/rest/request.ts";
import { encodeRestInference } from "../../../../src/rpc/rest/response.ts";
import { fuzzSeed } from "../../../support/attacks/fuzz-run.ts";
import { allDatatypes, randomTensors } from "../../../support/models/random-tensor.ts";

// What is encoded as an answer comes in as the request of the next step: both have the same form.

const typedDatatypes = allDatatypes.filter(hasTypedForm);
const seed = fuzzSeed(process.env["MODELPORT_FUZZ_SEED"]);

function holds(tensors: fc.Arbitrary<Tensor[]>, roundTrip: (sent: Tensor[]) => readonly Tensor[]) {
  // fast-check prints seed, path and the smallest counterexample when it fails.
  fc.assert(
    fc.property(tensors, (sent) => {
      assert.deepEqual(comparable(roundTrip(sent)), comparable(sent));
    }),
    { seed, numRuns: 300 },
  );
}

// In hexadecimal, so that minus zero and Buffers are no matter, and failures can be read.
function comparable(tensors: readonly Tensor[]) {
  return tensors.map((tensor) => ({ ...tensor, data: Buffer.from(tensor.data).toString("hex") }));
}

function throughGrpc(
  form: TensorForm,
  carry: (response: ModelInferResponse) => ModelInferResponse,
  receive: (request: ModelInferRequest) => ModelInferRequest,
) {
  return (sent: Tensor[]): readonly Tensor[] => {
    const encoded = create(ModelInferResponseSchema, encodeInference(sent, form));
    const { outputs, rawOutputContents } = carry(encoded);
    const inputs = outputs.map(({ name, datatype, shape, contents }) => ({
      name,
      datatype,
      shape,
      ...(contents === undefined ? {} : { contents }),
    }));
    const request: MessageInitShape<typeof ModelInferRequestSchema> = {
      inputs,
      rawInputContents: rawOutputContents,
    };
    const decoded = decodeInference(receive(create(ModelInferRequestSchema, request)), "m");
    if (sent.length > 0) assert.equal(decoded.form, form);
    return decoded.inference.inputs;
  };
}

const binary = [
  (response: ModelInferResponse) =>
    fromBinary(ModelInferResponseSchema, toBinary(ModelInferResponseSchema, response)),
  (request: ModelInferRequest) =>
    fromBinary(ModelInferRequestSchema, toBinary(ModelInferRequestSchema, request)),
] as const;
const json = [
  (response: ModelInferResponse) =>
    fromJsonString(ModelInferResponseSchema, toJsonString(ModelInferResponseSchema, response)),
  (request: ModelInferRequest) =>
    fromJsonString(ModelInferRequestSchema, toJsonString(ModelInferRequestSchema, request)),
] as const;

function throughRest(isBinary: boolean) {
  return (sent: Tensor[]): readonly Tensor[] => {
    const others = { binary: isBinary, bytesForm: "text" } as const;
    const answer = encodeRestInference(
      { version: "", outputs: sent },
      { modelId: "m", id: undefined, forms: { byName: new Map(), others } },
    );
    assert.ok("body" in answer, "these tensors are short");
    const { jsonLength } = answer;
    const body = answer.body as Buffer;
    const end = jsonLength ?? body.length;
    const head = body.subarray(0, end).toString().replace('"outputs":', '"inputs":');
    const request = {
      body: Buffer.concat([Buffer.from(head), body.subarray(end)]),
      jsonLength: jsonLength === undefined ? undefined : String(Buffer.byteLength(head)),
      modelId: "m",
      version: "",
    };
    return decodeRestInference(request).inference.inputs;
  };
}

describe(`random tensors (seed ${seed})`, () => {
  it("survive the raw form of gRPC", () => {
    holds(randomTensors({ datatypes: allDatatypes }), throughGrpc("raw", ...binary));
  });

  it("survive the typed form of gRPC", () => {
    holds(randomTensors({ datatypes: typedDatatypes }), throughGrpc("typed", ...binary));
  });

  it("survive the raw form in Connect's JSON", () => {
    holds(randomTensors({ datatypes: allDatatypes }), throughGrpc("raw", ...json));
  });

  it("survive the typed form in Connect's JSON, but for the sign of zero", () => {
    const tensors = randomTensors({ datatypes: typedDatatypes }).map((all) => all.map(noMinusZero));
    holds(tensors, throughGrpc("typed", ...json));
  });

  it("survive the binary form of REST", () => {
    holds(randomTensors({ datatypes: allDatatypes }), throughRest(true));
  });

  it("survive the JSON form of REST", () => {
    holds(randomTensors({ datatypes: typedDatatypes, finiteOnly: true }), throughRest(false));
  });
});

function noMinusZero(tensor: Tensor): Tensor {
  if (tensor.datatype !== "FP32" && tensor.datatype !== "FP64") return tensor;
  const array = tensor.datatype === "FP32" ? Float32Array : Float64Array;
  const positive = new array(tensor.data.slice().buffer).map((element) =>
    element === 0 ? 0 : element,
  );
  return { ...tensor, data: new Uint8Array(positive.buffer) };
}
