// Runs in the browser: Google's grpc-web, with protobuf-es in the place of google-protobuf. The test calls
// what stands in `googleClient`.

import {
  type create,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { GrpcWebClientBase, MethodDescriptor, RpcError } from "grpc-web";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";

// As JSON, which is what passes between the page and the test.
type Json = Parameters<typeof fromJson>[1];

export interface Failure {
  readonly code: number;
  readonly message: string;
}

export interface GoogleClient {
  /** Resolves with the answer. `format`: "binary" or "text". */
  modelInfer(request: Json, format: string): Promise<{ answer: Json } | { failure: Failure }>;
  /** Begins a call and returns what cancels it; `heard` holds what came of it. */
  begin(request: Json): { cancel(): void; readonly heard: string[] };
}

declare const location: { readonly origin: string };

const { modelInfer } = GRPCInferenceService.method;
const url = `${location.origin}/${modelInfer.parent.typeName}/${modelInfer.name}`;
const descriptor = descriptorOf(modelInfer);

/** What protoc's plugin would write for the method. */
function descriptorOf(method: DescMethodUnary) {
  class Message {}
  return new MethodDescriptor<object, object>(
    `/${method.parent.typeName}/${method.name}`,
    "unary",
    Message,
    Message,
    (request: ReturnType<typeof create>) => toBinary(method.input, request),
    (bytes: Uint8Array) => fromBinary(method.output, bytes),
  );
}

const client: GoogleClient = {
  async modelInfer(request, format) {
    const message = fromJson(modelInfer.input, request);
    try {
      const answer = await new GrpcWebClientBase({ format }).unaryCall(
        url,
        message,
        {},
        descriptor,
      );
      return { answer: toJson(modelInfer.output, answer as never) };
    } catch (reason) {
      if (!(reason instanceof RpcError)) throw reason;
      return { failure: { code: reason.code, message: reason.message } };
    }
  },
  begin(request) {
    const heard: string[] = [];
    const message = fromJson(modelInfer.input, request);
    const base = new GrpcWebClientBase({ format: "binary" });
    const call = base.rpcCall(url, message, {}, descriptor, (error) => {
      heard.push(error === null ? "answer" : `error ${error.code}`);
    });
    call.on("end", () => heard.push("end"));
    return { cancel: () => call.cancel(), heard };
  },
};

Object.assign(globalThis, { googleClient: client });
