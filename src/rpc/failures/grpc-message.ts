import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** The value of a grpc-message trailer: printable ASCII unchanged, everything else (and "%") as percent-encoded
 *  UTF-8. */
export function encodeGrpcMessage(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}

/** Makes `response` encode grpc-message as gRPC requires. Connect also encodes every comma, colon and space;
 *  grpc-js does not decode those, and they count against ModelMesh's limit of 8 KiB. */
export function respellGrpcMessage(response: ServerResponse): void {
  const addTrailers = response.addTrailers;
  response.addTrailers = (trailers: OutgoingHttpHeaders) => {
    const message = trailers["grpc-message"];
    if (typeof message === "string") {
      trailers["grpc-message"] = encodeGrpcMessage(decodeURIComponent(message));
    }
    addTrailers.call(response, trailers);
  };
}
