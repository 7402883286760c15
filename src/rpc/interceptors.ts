import { isIPv4 } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  type ConnectError,
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type StreamResponse,
} from "@connectrpc/connect";
import type { Level, Logger } from "pino";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { abortable } from "../abort.ts";
import { RuntimeError } from "../errors.ts";
import { toConnectError } from "./error-codes.ts";
import { isReset } from "./http2-reset.ts";
import { LogSampler } from "./log-sampler.ts";
import { observedKey } from "./observed-requests.ts";
import type { Peer } from "./port.ts";
import { watchUnreadable } from "./unreadable-message.ts";

export type LifecycleAccess = "local" | "any";

/** Undefined if the connection went away before the call was looked at. */
export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

/** Who asks for a change of what is loaded. */
export interface Caller {
  readonly peer: Peer | undefined;
}

const repositoryMethods: readonly DescMethod[] = [
  GRPCInferenceService.method.repositoryModelLoad,
  GRPCInferenceService.method.repositoryModelUnload,
];

/** Whether `checkLifecycleAccess` lets this caller pass. */
export function mayChangeModels(access: LifecycleAccess, { peer }: Caller): boolean {
  return access === "any" || isLocalPeer(peer);
}

export function callerIn({ values }: HandlerContext): Caller {
  return { peer: values.get(peerKey) };
}

/** Refuses callers from elsewhere: who can unload models can take them down. Pages of other servers have
 *  been refused before (see browserGate). Throws "permission-denied"; `what` starts the message. */
export function checkLifecycleAccess(access: LifecycleAccess, caller: Caller, what: string): void {
  if (mayChangeModels(access, caller)) return;
  throw new RuntimeError("permission-denied", `${what} answers callers on this machine only`);
}

/** Throws "permission_denied", and logs it, unless the caller may make this call. */
export type LifecycleGate = (method: DescMethod, caller: Caller) => void;

/** Holds lifecycle calls against `access`, and lets all others pass. */
export function lifecycleGate(access: LifecycleAccess, log: Logger): LifecycleGate {
  return (method, caller) => {
    const service = method.parent;
    const rpc = rpcOf({ service, method });
    const what = repositoryMethods.includes(method) ? rpc : service.typeName;
    if (what === service.typeName && what !== ModelRuntime.typeName) return;
    try {
      checkLifecycleAccess(access, caller, what);
    } catch (reason) {
      const error = toConnectError(reason);
      logFailure(log, rpc, error, caller);
      throw error;
    }
  };
}

/** Looks at calls before Connect reads their body: asks `gate`, and sees to it that a message which cannot
 *  be read is the caller's fault. */
export function requestGate(gate: LifecycleGate, log: Logger): (context: HandlerContext) => void {
  return (context) => {
    context.values.get(observedKey)?.follow(context);
    watchUnreadable(context, (error) => logFailure(log, rpcOf(context), error, {}));
    gate(context.method, callerIn(context));
  };
}

/** Turns whatever a handler throws into the error of its kind, answers calls whose time is over even
 *  where the work behind them cannot be stopped, and writes one line for each failed call. */
export function failureInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    const startMs = performance.now();
    const message = request.stream ? undefined : request.message;
    const modelId = modelIdIn(message);
    const observed = request.contextValues.get(observedKey)?.call;
    if (modelId !== undefined) observed?.model?.(modelId);
    const fail = (reason: unknown) => failCall(log, request, { message, startMs }, reason);
    try {
      const response = await abortable(next(request), request.signal);
      if (!response.stream) return response;
      return { ...response, message: mapFailure(response.message, fail) };
    } catch (reason) {
      throw fail(reason);
    }
  };
}

/** What to answer to a call of which its handler, or the wait for it, came to `reason`. Logs it. */
export function failCall(
  log: Logger,
  call: Rpc,
  { message, startMs }: { readonly message: object | undefined; readonly startMs: number },
  reason: unknown,
): ConnectError {
  const error = toConnectError(reason);
  const durationMs = Math.round(performance.now() - startMs);
  logFailure(log, rpcOf(call), error, { modelId: modelIdIn(message), durationMs });
  return error;
}

// The messages of a stream fail later than the call that made the stream.
async function* mapFailure(
  messages: StreamResponse["message"],
  fail: (reason: unknown) => ConnectError,
): StreamResponse["message"] {
  try {
    yield* messages;
  } catch (reason) {
    throw fail(reason);
  }
}

const levels: Partial<Record<Code, Level>> = {
  // The caller has gone; it is no news to anybody.
  [Code.Canceled]: "debug",
  [Code.Internal]: "error",
  [Code.Unknown]: "error",
  [Code.DataLoss]: "error",
  [Code.Unavailable]: "warn",
  [Code.ResourceExhausted]: "warn",
  [Code.Aborted]: "warn",
  [Code.PermissionDenied]: "warn",
};

const refusals = new LogSampler();

/** One line, of the level that fits the code; of refusals for want of room, some. `rpc` names what was called. */
export function logFailure(log: Logger, rpc: string, error: ConnectError, facts: object): void {
  // A client that resets its call may give any reason, but it is nothing that went wrong here.
  const level = isReset(error) ? "debug" : (levels[error.code] ?? "info");
  if (error.code === Code.ResourceExhausted) {
    const droppedCount = refusals.pass(rpc);
    if (droppedCount === undefined) return;
    if (droppedCount > 0) log.warn({ rpc, droppedCount }, "log lines were dropped");
  }
  // A failure that nobody foresaw is a bug: its stack is worth the space.
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

/** As logs and refusals name a call. */
export function rpcOf(call: Rpc): string {
  return `${call.service.typeName}/${call.method.name}`;
}

/** The model that a message of a unary call names. */
export function modelIdIn(message: object | undefined): string | undefined {
  if (message === undefined) return undefined;
  if ("modelId" in message) return String(message.modelId);
  if ("modelName" in message) return String(message.modelName);
  return undefined;
}

function isLocalPeer(peer: Peer | undefined): boolean {
  return peer !== undefined && (peer.kind === "unix" || isLoopback(peer.address));
}

/** 127.0.0.0/8, also as an IPv4-mapped IPv6 address, and ::1. */
export function isLoopback(address: string): boolean {
  if (address === "::1") return true;
  const ipv4 = address.toLowerCase().replace(/^::ffff:/, "");
  return isIPv4(ipv4) && ipv4.startsWith("127.");
}
