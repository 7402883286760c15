import { type CallStart, unknownRpc } from "../observe/call-observer.ts";

/** How the payloads of a call are found in what it carries: one for each body; or in envelopes, one or many of them for
 *  each direction. */
export type PayloadFrame = "body" | "message" | "stream";

const streams = "/ModelStreamInfer";
/** What is asked of models over RPC; every other service has calls that list, load or watch. */
const inferenceRpc =
  /^inference\.GRPCInferenceService\/Model(?:Stream)?Infer$|\.\w+Service\/\w+TaskPredict$/;
/** POST, but no inference. */
const otherRoute = /^POST \/(?:v2\/repository|modelport|debug)(?:\/|$)/;

/** Whether the payloads of such calls are logged. */
export function isInference(rpc: string): boolean {
  if (rpc === unknownRpc) return false;
  if (rpc.startsWith("POST ")) return !otherRoute.test(rpc);
  return inferenceRpc.test(rpc);
}

export function frameOf({ rpc, protocol, header, isBare }: CallStart): PayloadFrame {
  if (isBare || protocol === "rest") return "body";
  if (rpc.endsWith(streams)) return "stream";
  const isUnaryConnect =
    protocol === "connect" && !header.get("content-type")?.startsWith("application/connect+");
  return isUnaryConnect ? "body" : "message";
}
