import { gzipSync } from "node:zlib";
import type { Random } from "../support/attacks/mutate.ts";
import { grpcFrame } from "../support/clients/raw-http.ts";
import { ProtobufWriter } from "../support/models/protobuf-writer.ts";
import type { HostileRequest } from "./hostile-request.ts";

const modelInfer = "/inference.GRPCInferenceService/ModelInfer";
const restInfer = "/v2/models/two/infer";
const grpc = { "content-type": "application/grpc", te: "trailers" };

/** Fields of ModelInferRequest, each as small as it can be: a parameter, an input, an output, raw contents. */
const ofRequest: readonly [number[], ...number[][]] = [
  [0x22, 5, 0x0a, 1, 0x61, 0x12, 0],
  [0x2a, 0],
  [0x32, 0],
  [0x3a, 0],
];

/** The same of an input: a dimension, a parameter; and of its contents: a string, a number. */
const ofInput: readonly [number[], ...number[][]] = [
  [0x18, 1],
  [0x22, 5, 0x0a, 1, 0x61, 0x12, 0],
];
const ofContents: readonly [number[], ...number[][]] = [
  [0x42, 0],
  [0x10, 1],
];

const kinds = ["request", "input", "contents"] as const;

/** A request of up to `maxBytes` that is small for what becomes of it: of nothing but elements, or compressed. */
export function swollenRequest(random: Random, maxBytes: number): HostileRequest {
  const bytes = 1 + random.below(maxBytes);
  switch (random.below(6)) {
    case 0:
      return { path: modelInfer, headers: grpc, body: grpcFrame(elements(random, bytes)) };
    case 1:
      return {
        path: modelInfer,
        headers: { "content-type": "application/proto" },
        body: elements(random, bytes),
      };
    case 2:
      return {
        path: modelInfer,
        headers: { ...grpc, "grpc-encoding": "gzip" },
        body: grpcFrame(random.pick(bombs), 1),
      };
    case 3:
      return {
        path: restInfer,
        headers: { "content-encoding": random.pick(["gzip", "deflate"]) },
        body: random.pick(bombs),
      };
    case 4:
      return { path: restInfer, headers: {}, body: Buffer.from(json(random, bytes)) };
    default:
      return {
        path: modelInfer,
        headers: { "content-type": "application/json" },
        body: Buffer.from(json(random, bytes)),
      };
  }
}

/** Zeros, strings that are empty, and JSON: some kB that become MB. */
const bombs: readonly [Buffer, ...Buffer[]] = [
  gzipSync(Buffer.alloc(4_000_000)),
  gzipSync(many([0x2a, 0], 4_000_000)),
  gzipSync(many([0x22, 5, 0x0a, 1, 0x61, 0x12, 0], 4_000_000)),
  gzipSync(Buffer.from(`{"inputs":[${"{},".repeat(1_000_000)}{}]}`)),
];

function many(element: readonly number[], bytes: number): Buffer {
  return Buffer.alloc(Math.ceil(bytes / element.length) * element.length, Uint8Array.from(element));
}

function elements(random: Random, bytes: number): Buffer {
  const request = new ProtobufWriter().text(1, "two");
  const kind = random.pick(kinds);
  if (kind === "request") {
    return Buffer.concat([request.finish(), many(random.pick(ofRequest), bytes)]);
  }
  const input = new ProtobufWriter().text(1, "a").text(2, random.pick(["FP32", "BYTES", "BOOL"]));
  const inside =
    kind === "contents"
      ? input.bytes(5, many(random.pick(ofContents), bytes)).finish()
      : Buffer.concat([input.finish(), many(random.pick(ofInput), bytes)]);
  return Buffer.from(request.bytes(5, inside).finish());
}

function json(random: Random, bytes: number): string {
  const unit = random.pick(["{},", "[],", '"",', "0,", '{"a":[', "["]);
  const filling = unit.repeat(Math.ceil(bytes / unit.length));
  return random.pick([
    `{"inputs":[${filling}{}]}`,
    `{"inputs":[{"name":"a","datatype":"FP32","shape":[1,3],"data":[${filling}0]}]}`,
    `{"parameters":{"x":[${filling}0]},"inputs":[]}`,
    `{"inputs":[{"name":"a","datatype":"FP32","shape":[${filling}1],"data":[]}]}`,
  ]);
}
