import type { UniversalServerRequest } from "@connectrpc/connect/protocol";

/** How the messages of a call travel. */
export interface CallWire {
  readonly codec: "json" | "proto";
  /** Whether each comes in an envelope, as in gRPC and gRPC-Web; if not, it is the body. */
  readonly hasEnvelope: boolean;
}

const types: ReadonlyMap<string, CallWire> = new Map([
  ["application/json", { codec: "json", hasEnvelope: false }],
  ["application/proto", { codec: "proto", hasEnvelope: false }],
  ["application/grpc", { codec: "proto", hasEnvelope: true }],
  ["application/grpc+proto", { codec: "proto", hasEnvelope: true }],
  ["application/grpc+json", { codec: "json", hasEnvelope: true }],
  ["application/grpc-web", { codec: "proto", hasEnvelope: true }],
  ["application/grpc-web+proto", { codec: "proto", hasEnvelope: true }],
  ["application/grpc-web+json", { codec: "json", hasEnvelope: true }],
]);

/** Undefined for what Connect refuses. */
export function wireOf({ method, header }: UniversalServerRequest): CallWire | undefined {
  if (method !== "POST") return undefined;
  const type = header.get("content-type")?.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  return types.get(type);
}

export const envelopeBytes = 5;

/** Before a message that is not compressed. */
export function envelopeHead(sizeBytes: number): Buffer {
  const head = Buffer.alloc(envelopeBytes);
  head.writeUInt32BE(sizeBytes, 1);
  return head;
}
