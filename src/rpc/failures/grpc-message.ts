import type { OutgoingHttpHeaders, ServerResponse } from "node:http";

/** The value of a grpc-message trailer: printable ASCII as it stands, all else (and "%") as
 *  percent-encoded UTF-8. */
export function encodeGrpcMessage(text: string): string {
  return text.toWellFormed().replace(/[^\x20-\x24\x26-\x7e]+/g, encodeURIComponent);
}

/** Makes `response` spell grpc-message as gRPC asks. Connect also encodes every comma, colon and space;
 *  grpc-js does not decode those, and they count against the 8 KiB that ModelMesh takes. */
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
