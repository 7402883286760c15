import type { HandlerContext } from "@connectrpc/connect";
import { RuntimeError } from "../../base/errors.ts";
import { cancellationOf, GrpcUnaryContext } from "../grpc/unary-context.ts";
import { observedKey } from "../observe/observed-requests.ts";
import { modelIdOf } from "../services/model-id.ts";
import type { TaskCall } from "./tasks.ts";

/** The call behind a context. Its metadata names the model; throws "invalid-argument" if they do not. */
export function callOf(context: HandlerContext): TaskCall {
  const isFast = context instanceof GrpcUnaryContext;
  const header = isFast ? context.header : context.requestHeader;
  if (!header.get("mm-model-id") && !header.get("mm-model-id-bin")) {
    const message = "Missing required model ID: send it as the metadata mm-model-id";
    throw new RuntimeError("invalid-argument", message);
  }
  const modelId = modelIdOf(header, "");
  const observed = isFast ? context.observed : context.values.get(observedKey)?.call;
  observed?.model?.(modelId);
  return { modelId, signal: cancellationOf(context), times: observed?.times };
}

/** Whether the response will be JSON. */
export function isJsonCall(context: HandlerContext): boolean {
  if (context instanceof GrpcUnaryContext) return false;
  return /json/i.test(context.requestHeader.get("content-type") ?? "");
}
