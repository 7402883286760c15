import { Code, type ConnectError } from "@connectrpc/connect";
import type { Level, Logger } from "pino";
import { RuntimeError } from "../../base/errors.ts";
import { LogSampler } from "../../observe/log-sampler.ts";
import type { CallFacts } from "../observe/call-observer.ts";
import type { HeaderReader } from "../observe/header-reader.ts";
import { toConnectError } from "./error-codes.ts";

/** Begins the message of an error whose cause is that the client reset the stream, as in Connect. */
export const resetPrefix = "http/2 stream closed with error code ";

/** The error to send for a call whose handler, or whose wait for it, failed with `reason`. Logs it. */
export function failCall(
  log: Logger,
  call: Rpc,
  {
    message,
    header,
    startMs,
    ids,
  }: {
    readonly message: object | undefined;
    readonly header: HeaderReader;
    readonly startMs: number;
    readonly ids: CallFacts | undefined;
  },
  reason: unknown,
): ConnectError {
  const error = toConnectError(reason);
  const durationMs = Math.round(performance.now() - startMs);
  // Not every message has a field for it.
  const modelId = modelIdIn(message) ?? header.get("mm-model-id") ?? undefined;
  logFailure(log, rpcOf(call), error, { modelId, durationMs, ...ids });
  return error;
}

const levels: Partial<Record<Code, Level>> = {
  // The client has left, which is no news.
  [Code.Canceled]: "debug",
  [Code.Internal]: "error",
  [Code.Unknown]: "error",
  [Code.DataLoss]: "error",
  [Code.Unavailable]: "warn",
  [Code.ResourceExhausted]: "warn",
  [Code.Aborted]: "warn",
  [Code.PermissionDenied]: "warn",
  [Code.Unauthenticated]: "warn",
};

/** One per server. */
const samplers = new WeakMap<Logger, LogSampler>();

function samplerOf(log: Logger): LogSampler {
  const known = samplers.get(log);
  if (known !== undefined) return known;
  const sampler = new LogSampler();
  samplers.set(log, sampler);
  return sampler;
}

/** Kinds of failure whose log lines are rate-limited, because any client can cause them. A kind must not
 *  contain text that clients choose. */
function sampledKind(code: Code, rpc: string): string | undefined {
  if (code === Code.ResourceExhausted) return rpc;
  const isAccess = code === Code.Unauthenticated || code === Code.PermissionDenied;
  return isAccess ? Code[code] : undefined;
}

/** Logs one line at the level that fits the code; lines about refusals are rate-limited. `rpc` names the call. */
export function logFailure(log: Logger, rpc: string, error: ConnectError, facts: object): void {
  // A client may give any reason for resetting its call, but nothing went wrong here.
  const isReset = error.rawMessage.startsWith(resetPrefix);
  const level = isReset ? "debug" : (levels[error.code] ?? "info");
  const kind = sampledKind(error.code, rpc);
  if (kind !== undefined) {
    const droppedCount = samplerOf(log).pass(kind);
    if (droppedCount === undefined) return;
    if (droppedCount > 0) log.warn({ rpc, droppedCount }, "log lines were dropped");
  }
  // An unforeseen failure is a bug: its stack is worth the space.
  const err = error.cause instanceof RuntimeError ? undefined : error.cause;
  log[level](
    { rpc, code: Code[error.code], reason: error.rawMessage, ...facts, err },
    "call failed",
  );
}

interface Rpc {
  readonly service: { readonly typeName: string };
  readonly method: { readonly name: string };
}

/** The name of a call in logs and refusals. */
export function rpcOf(call: Rpc): string {
  return `${call.service.typeName}/${call.method.name}`;
}

/** The model that a unary call's message names. */
export function modelIdIn(message: object | undefined): string | undefined {
  if (message === undefined) return undefined;
  if ("modelId" in message) return String(message.modelId);
  if ("modelName" in message) return String(message.modelName);
  return undefined;
}
