import { isIPv4 } from "node:net";
import type { DescMethod } from "@bufbuild/protobuf";
import {
  Code,
  type ConnectError,
  createContextKey,
  type HandlerContext,
  type Interceptor,
  type StreamRequest,
  type StreamResponse,
  type UnaryRequest,
} from "@connectrpc/connect";
import type { Level, Logger } from "pino";
import { GRPCInferenceService } from "../../gen/inference/inference_pb.ts";
import { ModelRuntime } from "../../gen/mmesh/model-runtime_pb.ts";
import { abortable } from "../abort.ts";
import { RuntimeError } from "../errors.ts";
import { toConnectError } from "./error-codes.ts";
import type { Peer } from "./port.ts";
import { watchUnreadable } from "./unreadable-message.ts";

export type LifecycleAccess = "local" | "any";

/** Undefined if the connection went away before the call was looked at. */
export const peerKey = createContextKey<Peer | undefined>(undefined, { description: "peer" });

/** Who asks for a change of what is loaded. */
export interface Caller {
  readonly peer: Peer | undefined;
  /** The header Origin, which browsers set. */
  readonly origin: string | null;
}

const repositoryMethods: readonly DescMethod[] = [
  GRPCInferenceService.method.repositoryModelLoad,
  GRPCInferenceService.method.repositoryModelUnload,
];

/** Whether `checkLifecycleAccess` lets this caller pass. */
export function mayChangeModels(access: LifecycleAccess, { peer, origin }: Caller): boolean {
  if (access === "any") return true;
  return isLocalPeer(peer) && (origin === null || isLocalOrigin(origin));
}

export function callerIn({ values, requestHeader }: HandlerContext): Caller {
  return { peer: values.get(peerKey), origin: requestHeader.get("origin") };
}

/** Refuses callers from elsewhere: who can unload models can take them down. A web page counts as
 *  elsewhere unless this machine served it. Throws "permission-denied"; `what` starts the message. */
export function checkLifecycleAccess(access: LifecycleAccess, caller: Caller, what: string): void {
  if (mayChangeModels(access, caller)) return;
  throw new RuntimeError("permission-denied", `${what} answers callers on this machine only`);
}

/** Looks at calls before their body is read: holds lifecycle calls against `access`, and sees to it that
 *  a message which cannot be read is the caller's fault. */
export function requestGate(
  access: LifecycleAccess,
  log: Logger,
): (context: HandlerContext) => void {
  return (context) => {
    watchUnreadable(context, (error) => logFailure(log, rpcOf(context), error, {}));
    const { typeName } = context.service;
    const what = repositoryMethods.includes(context.method) ? rpcOf(context) : typeName;
    if (what === typeName && typeName !== ModelRuntime.typeName) return;
    const caller = callerIn(context);
    try {
      checkLifecycleAccess(access, caller, what);
    } catch (reason) {
      const error = toConnectError(reason);
      logFailure(log, rpcOf(context), error, caller);
      throw error;
    }
  };
}

/** Turns whatever a handler throws into the error of its kind, answers calls whose time is over even
 *  where the work behind them cannot be stopped, and writes one line for each failed call. */
export function failureInterceptor(log: Logger): Interceptor {
  return (next) => async (request) => {
    const startMs = performance.now();
    const fail = (reason: unknown): ConnectError => {
      const error = toConnectError(reason);
      const durationMs = Math.round(performance.now() - startMs);
      logFailure(log, rpcOf(request), error, { modelId: modelIdIn(request), durationMs });
      return error;
    };
    try {
      const response = await abortable(next(request), request.signal);
      if (!response.stream) return response;
      return { ...response, message: mapFailure(response.message, fail) };
    } catch (reason) {
      throw fail(reason);
    }
  };
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

/** One line, of the level that fits the code. `rpc` names what was called. */
export function logFailure(log: Logger, rpc: string, error: ConnectError, facts: object): void {
  const level = levels[error.code] ?? "info";
  // A failure that nobody foresaw is a bug: its stack is worth the space.
  const err = error.cause instanceof RuntimeError ? undefined : error.cause;
  log[level](
    { rpc, code: Code[error.code], reason: error.rawMessage, ...facts, err },
    "call failed",
  );
}

/** As logs and refusals name a call. */
export function rpcOf(call: {
  readonly service: { readonly typeName: string };
  readonly method: { readonly name: string };
}): string {
  return `${call.service.typeName}/${call.method.name}`;
}

function modelIdIn(request: UnaryRequest | StreamRequest): string | undefined {
  if (request.stream) return undefined;
  const message: object = request.message;
  if ("modelId" in message) return String(message.modelId);
  if ("modelName" in message) return String(message.modelName);
  return undefined;
}

function isLocalPeer(peer: Peer | undefined): boolean {
  return peer !== undefined && (peer.kind === "unix" || isLoopback(peer.address));
}

// A page can make its own name resolve to 127.0.0.1, but not change the origin that the browser sends.
function isLocalOrigin(origin: string): boolean {
  const url = URL.parse(origin);
  if (url === null) return false;
  return url.hostname === "localhost" || isLoopback(url.hostname.replace(/^\[|\]$/g, ""));
}

/** 127.0.0.0/8, also as an IPv4-mapped IPv6 address, and ::1. */
export function isLoopback(address: string): boolean {
  if (address === "::1") return true;
  const ipv4 = address.toLowerCase().replace(/^::ffff:/, "");
  return isIPv4(ipv4) && ipv4.startsWith("127.");
}
