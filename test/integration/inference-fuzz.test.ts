import assert from "node:assert/strict";
import { fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ModelInferResponseSchema } from "../../gen/inference/inference_pb.ts";
import {
  assertCallersFault,
  checkGrpcStatus,
  type Envelope,
  readWebTrailers,
  splitEnvelopes,
} from "../support/attacks/fuzz-answers.ts";
import { callFramed } from "../support/attacks/fuzz-http2.ts";
import {
  damagedMessage,
  restCall,
  validMessage,
  validRequests,
  validRestRequests,
  wrongMessage,
} from "../support/attacks/fuzz-requests.ts";
import { type FuzzTarget, fuzzSuite } from "../support/attacks/fuzz-suite.ts";
import { mutateBytes, mutateJson, type Random } from "../support/attacks/mutate.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";

const modelInfer = "/inference.GRPCInferenceService/ModelInfer";

type Send<Body> = (target: FuzzTarget, body: Body) => Promise<boolean>;

/** Sends what `make` makes of a random stream. */
function kind<Body>(send: Send<Body>, make: (random: Random) => Body) {
  return (target: FuzzTarget) => (random: Random) => send(target, make(random));
}

fuzzSuite({
  what: "requests mutated at random",
  cases: 8_000,
  kinds: {
    "gRPC, bytes of the message": kind(grpc, (random) => grpcFrame(damagedMessage(random))),
    "gRPC, bytes of the frame": kind(grpc, damagedFrame),
    "gRPC, fields": kind(grpc, (random) => grpcFrame(wrongMessage(random))),
    "gRPC-Web, bytes of the frame": kind(grpcWeb, damagedFrame),
    "gRPC-Web, fields": kind(grpcWeb, (random) => grpcFrame(wrongMessage(random))),
    "Connect binary, bytes": kind(connectBinary, damagedMessage),
    "Connect binary, fields": kind(connectBinary, wrongMessage),
    "Connect JSON, bytes": kind(connectJson, (random) =>
      mutateBytes(Buffer.from(JSON.stringify(random.pick(validRequests))), random),
    ),
    "Connect JSON, fields": kind(connectJson, (random) =>
      Buffer.from(JSON.stringify(mutateJson(random.pick(validRequests), random))),
    ),
    "REST, bytes": kind(rest, (random) => {
      const { body, ...call } = restCall(random.pick(validRestRequests));
      return { ...call, body: mutateBytes(body, random) };
    }),
    "REST, fields": kind(rest, (random) => {
      const request = random.pick(validRestRequests);
      // The whole may be replaced by what JSON cannot spell.
      const head = JSON.stringify(mutateJson(request.json, random)) ?? "";
      return restCall(request, Buffer.from(head));
    }),
  },
});

function damagedFrame(random: Random): Buffer<ArrayBuffer> {
  return mutateBytes(grpcFrame(validMessage(random)), random);
}

async function grpc({ session }: FuzzTarget, body: Uint8Array): Promise<boolean> {
  const call = { path: modelInfer, contentType: "application/grpc", chunks: [body] };
  const { headers, trailers, body: answer } = await callFramed(session, call);
  assert.equal(headers[":status"], 200);
  const { "grpc-status": status, "grpc-message": message } = { ...headers, ...trailers };
  if (!checkGrpcStatus(status, message)) return false;
  checkOneMessage(splitEnvelopes(answer));
  return true;
}

async function grpcWeb({ baseUrl }: FuzzTarget, body: Uint8Array): Promise<boolean> {
  const answer = await post(`${baseUrl}${modelInfer}`, {
    headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" },
    body,
  });
  assert.equal(answer.status, 200);
  const envelopes = splitEnvelopes(answer.bytes);
  const last = envelopes.pop();
  const trailers = last === undefined ? {} : readWebTrailers(last);
  const value = (name: string) => trailers[name] ?? answer.headers.get(name);
  if (!checkGrpcStatus(value("grpc-status"), value("grpc-message"))) return false;
  checkOneMessage(envelopes);
  return true;
}

async function connectBinary({ baseUrl }: FuzzTarget, body: Uint8Array): Promise<boolean> {
  const headers = { "content-type": "application/proto" };
  const answer = await post(`${baseUrl}${modelInfer}`, { headers, body });
  if (answer.status !== 200) return checkConnectError(answer);
  fromBinary(ModelInferResponseSchema, answer.bytes);
  return true;
}

async function connectJson({ baseUrl }: FuzzTarget, body: Uint8Array): Promise<boolean> {
  const headers = { "content-type": "application/json" };
  const answer = await post(`${baseUrl}${modelInfer}`, { headers, body });
  if (answer.status !== 200) return checkConnectError(answer);
  fromJson(ModelInferResponseSchema, JSON.parse(answer.bytes.toString()) as JsonValue);
  return true;
}

async function rest(
  { baseUrl }: FuzzTarget,
  { path, ...request }: ReturnType<typeof restCall>,
): Promise<boolean> {
  const { status, headers, bytes } = await post(`${baseUrl}${path}`, request);
  const length = headers.get("inference-header-content-length");
  const json = bytes.subarray(0, length === null ? bytes.length : Number(length)).toString();
  const answer = JSON.parse(json) as Record<string, unknown>;
  if (status === 200) {
    assert.ok(Array.isArray(answer["outputs"]));
    return true;
  }
  checkHttpStatus(status, json);
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual(Object.keys(answer), ["error"]);
  assert.ok(typeof answer["error"] === "string" && answer["error"] !== "");
  return false;
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
}

async function post(
  url: string,
  { headers, body }: { headers: Record<string, string>; body: Uint8Array },
): Promise<Answer> {
  const response = await fetch(url, { method: "POST", headers, body: new Uint8Array(body) });
  const bytes = Buffer.from(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes };
}

function checkConnectError({ status, headers, bytes }: Answer): false {
  const json = bytes.toString();
  checkHttpStatus(status, json);
  assert.equal(headers.get("content-type"), "application/json");
  const { code, message } = JSON.parse(json) as Record<string, unknown>;
  assertCallersFault(code, message);
  return false;
}

/** 504 is DEADLINE_EXCEEDED, where the timeout was hit; it is not one of the server's making. */
function checkHttpStatus(status: number, text: string): void {
  assert.ok((status >= 400 && status < 500) || status === 504, `${status}: ${text}`);
}

function checkOneMessage([message, ...others]: readonly Envelope[]): void {
  assert.ok(message !== undefined && others.length === 0);
  assert.equal(message.flags, 0);
  fromBinary(ModelInferResponseSchema, message.bytes);
}
